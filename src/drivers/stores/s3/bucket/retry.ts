import { setTimeout as delay } from 'node:timers/promises';
import { DarkroomError } from '../../../../model/errors.ts';
import type { Clock } from '../../../../model/ports/host.ts';
import { classifyFailure } from './classify-failure.ts';

export interface RetryOptions {
  /** From the first failure on. 0: one attempt. */
  readonly forMs: number;
  readonly signal?: AbortSignal | undefined;
  /** A figure that grows with what was achieved: then it counts as the first failure again. */
  readonly progress?: (() => number) | undefined;
  /** Hears of what failed and is about to be tried again. */
  readonly onFailure?: ((failure: PassingFailure) => void) | undefined;
  readonly clock?: Pick<Clock, 'monotonicMs' | 'sleep'>;
  /** 0 to 1, for the jitter. */
  readonly random?: () => number;
}

export interface PassingFailure {
  readonly error: unknown;
  /** From the first failure to the next attempt. */
  readonly lastsMs: number;
  /** How much longer it is tried. */
  readonly leftMs: number;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 8_000;

const HOST_CLOCK: Pick<Clock, 'monotonicMs' | 'sleep'> = {
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) => delay(ms, undefined, signal === undefined ? {} : { signal }),
};

/**
 * Repeats what failed for a passing reason, with pauses that double and vary ("full jitter",
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/, but at least half). `attempt` hears how many failed
 * before it. The last error is thrown as it came; CANCELLED at once when the signal fires.
 */
export async function retry<Result>(
  attempt: (failedBefore: number) => Promise<Result>,
  options: RetryOptions,
): Promise<Result> {
  const { signal, clock = HOST_CLOCK, random = Math.random } = options;
  let series = { failed: 0, untilMs: 0, progress: options.progress?.() };
  for (let failed = 0; ; failed += 1) {
    throwIfCancelled(signal);
    try {
      return await attempt(failed);
    } catch (error) {
      throwIfCancelled(signal);
      if (classifyFailure(error).kind !== 'transient') throw error;
      const progress = options.progress?.();
      const isFirst = failed === 0 || progress !== series.progress;
      if (isFirst) series = { failed: 0, untilMs: clock.monotonicMs() + options.forMs, progress };
      const pauseMs = pauseAfter(series.failed, random());
      series.failed += 1;
      const leftMs = series.untilMs - clock.monotonicMs();
      if (pauseMs >= leftMs) throw error;
      options.onFailure?.({ error, leftMs, lastsMs: options.forMs - leftMs + pauseMs });
      await sleep(pauseMs, { clock, signal });
    }
  }
}

/** Doubles from 0.1 s to 8 s; half of it is chance, so that many hosts do not come back at once. */
export function pauseAfter(failedBefore: number, chance: number): number {
  const fullMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failedBefore);
  return fullMs * (0.5 + chance / 2);
}

export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new DarkroomError('CANCELLED', 'cancelled while talking to the store');
}

async function sleep(ms: number, options: { clock: Pick<Clock, 'sleep'>; signal: AbortSignal | undefined }) {
  try {
    await options.clock.sleep(ms, options.signal);
  } catch (error) {
    throwIfCancelled(options.signal);
    throw error;
  }
}
