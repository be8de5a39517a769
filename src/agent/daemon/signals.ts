/** Signals as the process gets them, until disposed of. */
export interface SignalSource {
  listen(onSignal: (signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') => void): Disposable;
}

/** What signals ask of a daemon. */
export interface DaemonSignals extends Disposable {
  /** Aborts at the first SIGTERM or SIGINT: come to an end. */
  readonly stop: AbortSignal;
  /** Aborts at the second one: do not wait for what runs. */
  readonly hurry: AbortSignal;
  /** Calls back at each SIGHUP, and at once when one came before there was anybody to call. */
  onReload(reload: () => void): void;
}

export function listenForSignals(source: SignalSource): DaemonSignals {
  const [stop, hurry] = [new AbortController(), new AbortController()];
  let reload: (() => void) | null = null;
  let isReloadMissed = false;
  const listener = source.listen((signal) => {
    if (signal !== 'SIGHUP') (stop.signal.aborted ? hurry : stop).abort();
    else if (reload === null) isReloadMissed = true;
    else reload();
  });
  return {
    stop: stop.signal,
    hurry: hurry.signal,
    onReload: (callback) => {
      reload = callback;
      if (isReloadMissed) callback();
    },
    [Symbol.dispose]: () => listener[Symbol.dispose](),
  };
}

/** Resolves when the signal is aborted. */
export async function whenAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
