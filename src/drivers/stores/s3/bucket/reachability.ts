import { classifyFailure } from './classify-failure.ts';

/** So long it is remembered that a server was not to be reached. */
const REMEMBERED_MS = 30_000;

/** What was last heard of a server. */
export interface Reachability {
  /** How long what was asked is to be repeated: a command that reads ten records must not wait ten times for a server that is down. */
  patience(forMs: number, isRead: boolean): number;
  answered(): void;
  /** It was given up. */
  failed(error: unknown): void;
}

/** Reads are tried once while a server is known to be down; what is written, or has begun, has all the patience that it is given. */
export function createReachability(nowMs: () => number = () => performance.now()): Reachability {
  let lostAtMs: number | null = null;
  return {
    patience: (forMs, isRead) => {
      const isLost = lostAtMs !== null && nowMs() - lostAtMs < REMEMBERED_MS;
      return isRead && isLost ? 0 : forMs;
    },
    answered: () => {
      lostAtMs = null;
    },
    failed: (error) => {
      if (classifyFailure(error).kind === 'transient') lostAtMs = nowMs();
    },
  };
}
