import { setTimeout as sleep } from 'node:timers/promises';
import { throwIfAborted } from './send.ts';
import { Trouble } from './trouble.ts';

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;
/** A service that asks for more is asked again all the same. */
const LONGEST_RETRY_AFTER_MS = 30_000;

export interface Attempt {
  /** Something came of it: patience begins anew. */
  progressed(): void;
}

/** Repeats work that has Trouble, with growing pauses, for as long; then that Trouble is thrown. CANCELLED. */
export async function persist<T>(
  work: (attempt: Attempt) => Promise<T>,
  { forMs, signal }: { readonly forMs: number; readonly signal?: AbortSignal | undefined },
): Promise<T> {
  let sinceMs = performance.now();
  let tries = 0;
  const progressed = (): void => {
    sinceMs = performance.now();
    tries = 0;
  };
  for (;;) {
    try {
      return await work({ progressed });
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      const pauseMs = choosePause(error, tries);
      tries += 1;
      if (performance.now() + pauseMs - sinceMs > forMs) throw error;
      await sleep(pauseMs, undefined, signal && { signal }).catch(() => undefined);
      throwIfAborted(signal);
    }
  }
}

/** Between half of it and all: many clients of a service that comes back must not come all at once. */
function choosePause({ retryAfterMs }: Trouble, tries: number): number {
  if (retryAfterMs !== null) return Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS);
  const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** tries, LONGEST_PAUSE_MS);
  return pauseMs * (0.5 + Math.random() / 2);
}
