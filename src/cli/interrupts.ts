import { EXIT_CODES } from '../api/error-table.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export type Signal = (typeof SIGNALS)[number];

/** Ctrl-C and its kin. While nobody listens, a signal ends the command at once. */
export interface Interrupts {
  /** Calls back at every signal until it is disposed of. */
  listen(onSignal: (signal: Signal) => void): Disposable;
}

export function createProcessInterrupts(): Interrupts {
  const listeners = new Set<(signal: Signal) => void>();
  const onSignal = (signal: Signal) => {
    if (listeners.size === 0) process.exit(EXIT_CODES.cancelled);
    for (const listener of listeners) listener(signal);
  };
  for (const signal of SIGNALS) process.on(signal, () => onSignal(signal));
  return {
    listen: (listener) => {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
  };
}
