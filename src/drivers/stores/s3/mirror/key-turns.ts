import { DarkroomError } from '../../../../model/errors.ts';

/** One after the other for each key, in order; a failure is nobody else's. */
export class KeyTurns {
  readonly #last = new Map<string, Promise<unknown>>();

  /** CANCELLED while it waits, at once. */
  async run<Result>(key: string, signal: AbortSignal | undefined, work: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(key) ?? Promise.resolve();
    let isGivenUp = false;
    const mine = before.then(async () => (isGivenUp ? null : await work()));
    const settled = mine.catch(() => undefined);
    this.#last.set(key, settled);
    void settled.then(() => {
      if (this.#last.get(key) === settled) this.#last.delete(key);
    });
    try {
      await waitFor(before, signal);
    } catch (error) {
      isGivenUp = true;
      throw error;
    }
    const result = await mine;
    if (result === null) throw cancelled();
    return result;
  }
}

async function waitFor(before: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) {
    await before;
    return;
  }
  if (signal.aborted) throw cancelled();
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(cancelled());
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    await Promise.race([before, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function cancelled(): DarkroomError {
  return new DarkroomError('CANCELLED', 'It was cancelled while it waited for a file of the store');
}
