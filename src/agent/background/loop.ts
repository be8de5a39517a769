import type { Clock } from '../../model/ports/host.ts';

export interface LoopOptions {
  readonly clock: Pick<Clock, 'sleep'>;
  /** What it throws ends nothing, and is for nobody to see: see `guardTask`. */
  readonly work: (signal: AbortSignal) => Promise<void>;
  /** From the end of one turn to the beginning of the next. Asked after every turn. */
  readonly intervalMs: () => number;
  /** The least of it, however often somebody wakes the loop. */
  readonly restMs?: () => number;
}

export interface Loop {
  /** Something happened: the next turn comes as soon as it may. One that goes on is followed by another. */
  wake(): void;
  /** No turn begins any more; resolves when the one that goes on has ended. */
  stop(): Promise<void>;
}

/** Does its work at once, and then again and again; never twice at a time. */
export function startLoop({ clock, work, intervalMs, restMs = () => 0 }: LoopOptions): Loop {
  const stopping = new AbortController();
  let sleeper = new AbortController();
  let isWanted = false;
  let isResting = false;

  const pause = async (ms: number): Promise<void> => {
    if (ms <= 0 || stopping.signal.aborted) return;
    sleeper = new AbortController();
    await clock.sleep(ms, sleeper.signal).catch(() => undefined);
  };
  const takeTurns = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      isWanted = false;
      await work(stopping.signal).catch(() => undefined);
      const [interval, rest] = [intervalMs(), restMs()];
      isResting = true;
      await pause(rest);
      isResting = false;
      if (!isWanted) await pause(interval - rest);
    }
  };
  const ended = takeTurns();
  return {
    wake: () => {
      isWanted = true;
      if (!isResting) sleeper.abort();
    },
    stop: async () => {
      stopping.abort();
      sleeper.abort();
      await ended;
    },
  };
}
