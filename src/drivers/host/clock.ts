import { setTimeout as delay } from 'node:timers/promises';
import { DarkroomError } from '../../model/errors.ts';
import type { Clock } from '../../model/ports/host.ts';

/** The clock of this host. */
export function createClock(): Clock {
  return { now: () => new Date(), monotonicMs: () => performance.now(), sleep };
}

async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    if (signal?.aborted !== true) throw error;
    throw new DarkroomError('CANCELLED', 'cancelled while waiting', { cause: error });
  }
}
