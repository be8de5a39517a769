import { EXIT_CODES } from '../api/error-table.ts';

/** Ctrl-C and its kin. While nobody listens, a signal ends the command at once. */
export interface Interrupts {
  /** Calls back at every signal until it is disposed of. */
  listen(onSignal: () => void): Disposable;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export function createProcessInterrupts(): Interrupts {
  const listeners = new Set<() => void>();
  const onSignal = () => {
    if (listeners.size === 0) process.exit(EXIT_CODES.cancelled);
    for (const listener of listeners) listener();
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return {
    listen: (listener) => {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
  };
}
