/** One that takes longer may be stuck, which is no reason for the others to be. */
const STUCK_AFTER_MS = 1_000;

/**
 * One reading at a time, of all that was asked for by then: who asks while it runs shares the next, which begins after
 * that. So nobody is answered with what was read before, and however many ask, no more than that is read.
 */
export function shareReads<T, K = void>(read: (asked: readonly K[]) => Promise<T>): (key: K) => Promise<T> {
  let running: Promise<T> | null = null;
  let next: { readonly asked: K[]; readonly result: Promise<T> } | null = null;

  const begin = (asked: readonly K[]): Promise<T> => {
    next = null;
    const reading = read(asked);
    running = reading;
    const forget = (): void => {
      if (running === reading) running = null;
    };
    reading.then(forget, forget);
    return reading;
  };
  return (key) => {
    if (next === null) {
      const asked: K[] = [];
      next = { asked, result: settledOrStuck(running).then(() => begin(asked)) };
    }
    next.asked.push(key);
    return next.result;
  };
}

async function settledOrStuck(work: Promise<unknown> | null): Promise<void> {
  if (work === null) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, STUCK_AFTER_MS);
    const end = (): void => {
      clearTimeout(timer);
      resolve();
    };
    work.then(end, end);
  });
}
