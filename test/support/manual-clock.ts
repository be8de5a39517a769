import { DarkroomError } from '../../src/model/errors.ts';
import type { Clock } from '../../src/model/ports/host.ts';

export interface ManualClock extends Clock {
  /** Lets time pass, and everything happen that was waited for meanwhile, in its order. */
  advance(ms: number): Promise<void>;
  /** Somebody sets the host's time; what is waited for comes no earlier or later. */
  setTime(iso: string): void;
  /** How many wait. */
  readonly sleepers: number;
}

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

/** Time passes only when a test says so. */
export function createManualClock(start = '2026-01-01T00:00:00.000Z'): ManualClock {
  let elapsedMs = 0;
  let offsetMs = Date.parse(start);
  const sleepers = new Set<Sleeper>();
  return {
    now: () => new Date(offsetMs + elapsedMs),
    monotonicMs: () => elapsedMs,
    get sleepers() {
      return sleepers.size;
    },
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const leave = (): void => {
          sleepers.delete(sleeper);
          reject(new DarkroomError('CANCELLED', 'cancelled while waiting'));
        };
        const wake = (): void => {
          sleepers.delete(sleeper);
          signal?.removeEventListener('abort', leave);
          resolve();
        };
        const sleeper = { atMs: elapsedMs + ms, wake };
        if (signal?.aborted === true) {
          leave();
          return;
        }
        signal?.addEventListener('abort', leave, { once: true });
        sleepers.add(sleeper);
      }),
    advance: async (ms) => {
      const until = elapsedMs + ms;
      for (;;) {
        await settle();
        const [next] = [...sleepers].filter(({ atMs }) => atMs <= until).sort((a, b) => a.atMs - b.atMs);
        if (next === undefined) break;
        elapsedMs = Math.max(elapsedMs, next.atMs);
        next.wake();
      }
      elapsedMs = until;
    },
    setTime: (iso) => {
      offsetMs = Date.parse(iso) - elapsedMs;
    },
  };
}

/** What was begun goes on until it waits for time, or for something outside of this process. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
