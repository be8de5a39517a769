/** One that takes longer may be stuck, which is no reason for the others to be. */
const STUCK_AFTER_MS = 1_000;

/**
 * One reading at a time: all who ask while it runs share the next, which begins after they have asked. So nobody is
 * answered with what was read before, and however many ask, no more than that is read.
 */
export function shareReads<T>(read: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | null = null;
  let next: Promise<T> | null = null;

  const start = (): Promise<T> => {
    next = null;
    const reading = read();
    running = reading;
    const forget = (): void => {
      if (running === reading) running = null;
    };
    reading.then(forget, forget);
    return reading;
  };
  return () => {
    if (running === null) return next ?? start();
    next ??= settledOrStuck(running).then(start);
    return next;
  };
}

function settledOrStuck(work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, STUCK_AFTER_MS);
    const end = (): void => {
      clearTimeout(timer);
      resolve();
    };
    work.then(end, end);
  });
}
