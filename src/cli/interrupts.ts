import { EXIT_CODES } from '../api/error-table.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export type Signal = (typeof SIGNALS)[number];

/** Ctrl-C and its kin. While nobody listens, a signal ends the command at once. */
export interface Interrupts {
  /** Calls back at every signal until it is disposed of. */
  listen(onSignal: (signal: Signal) => void): Disposable;
  /** The work is done, and only its result is left to tell: the next signal is kept for work that follows, and one after it ends the command. */
  finish(): void;
}

export function createProcessInterrupts(): Interrupts {
  const listeners = new Set<(signal: Signal) => void>();
  let isFinished = false;
  let kept: Signal | null = null;
  const onSignal = (signal: Signal) => {
    if (listeners.size === 0) {
      if (!isFinished || kept !== null) process.exit(EXIT_CODES.cancelled);
      kept = signal;
    }
    for (const listener of listeners) listener(signal);
  };
  for (const signal of SIGNALS) process.on(signal, () => onSignal(signal));
  return {
    listen: (listener) => {
      listeners.add(listener);
      if (kept !== null) listener(kept);
      kept = null;
      isFinished = false;
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    finish: () => {
      isFinished = true;
    },
  };
}
