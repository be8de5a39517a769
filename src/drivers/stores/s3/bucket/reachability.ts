import { classifyFailure, isSilence } from './classify-failure.ts';
import type { PassingFailure } from './retry.ts';

/** So long it is remembered that a server was not to be reached. */
const REMEMBERED_MS = 30_000;
/** So long nobody is told: what passes at once is nothing to tell of. */
export const TELL_AFTER_MS = 2_000;
/** A server that answers now and then has one outage, not many. */
const QUIET_MS = 60_000;

/** What was last heard of a server. */
export interface Reachability {
  /** How long what was asked is to be repeated: a command that reads ten records must not wait ten times for a server that is down. */
  patience(forMs: number, isRead: boolean): number;
  answered(): void;
  /** It was given up. */
  failed(error: unknown): void;
  /** It is asked again, or waited for. Tells of it once per outage, when that has lasted. */
  troubled(failure: PassingFailure): void;
}

export interface ReachabilityOptions {
  readonly nowMs?: () => number;
  readonly tell?: ((trouble: Pick<PassingFailure, 'error' | 'leftMs'>) => void) | undefined;
}

/** Reads are tried once while a server is known to be down; what is written, or has begun, has all the patience that it is given. */
export function createReachability(options: ReachabilityOptions = {}): Reachability {
  const { nowMs = () => performance.now(), tell } = options;
  let lostAtMs: number | null = null;
  let trouble: { readonly atMs: number; readonly isOver: boolean } | null = null;
  const isKnown = (): boolean => trouble !== null && (!trouble.isOver || nowMs() - trouble.atMs < QUIET_MS);
  return {
    patience: (forMs, isRead) => {
      const isLost = lostAtMs !== null && nowMs() - lostAtMs < REMEMBERED_MS;
      return isRead && isLost ? 0 : forMs;
    },
    answered: () => {
      lostAtMs = null;
      if (trouble !== null) trouble = { ...trouble, isOver: true };
    },
    failed: (error) => {
      if (classifyFailure(error).kind === 'transient') lostAtMs = nowMs();
    },
    troubled: ({ error, lastsMs, leftMs }) => {
      // a silence has lasted long before it counts as a failure
      if (lastsMs < TELL_AFTER_MS && !isSilence(error)) return;
      const isTold = isKnown();
      trouble = { atMs: nowMs(), isOver: false };
      if (!isTold) tell?.({ error, leftMs });
    },
  };
}
