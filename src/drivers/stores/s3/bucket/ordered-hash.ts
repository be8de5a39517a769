import { createHash } from 'node:crypto';
import type { Part } from './part-plan.ts';

/** Takes less than a millisecond. */
const SLICE_BYTES = 1024 * 1024;

/**
 * SHA-256 of a whole whose parts are at hand side by side, and of each part, from one look at the bytes: each part waits for those before
 * it. The event loop goes on meanwhile. Threads would not be quicker where the other cores have work: the pool's WebCrypto copies what
 * it hashes, which takes as long as hashing it.
 */
export class OrderedHash {
  readonly #whole = createHash('sha256');
  readonly #waiting = new Map<number, () => void>();
  #next = 1;
  #digest: string | null = null;

  /** Of the part, lower-case hex. Each part once, and whoever waits gives up when the signal fires: with its reason. */
  async take({ number }: Part, bytes: Buffer, signal: AbortSignal): Promise<string> {
    if (number !== this.#next) await this.#turnOf(number, signal);
    const part = createHash('sha256');
    for (let start = 0; start < bytes.length; start += SLICE_BYTES) {
      if (start > 0) await new Promise((resolve) => setImmediate(resolve));
      const slice = bytes.subarray(start, start + SLICE_BYTES);
      part.update(slice);
      this.#whole.update(slice);
    }
    this.#next += 1;
    this.#waiting.get(this.#next)?.();
    return part.digest('hex');
  }

  /** Lower-case hex, once all parts were taken. */
  digest(): string {
    this.#digest ??= this.#whole.digest('hex');
    return this.#digest;
  }

  #turnOf(number: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => reject(signal.reason);
      if (signal.aborted) giveUp();
      signal.addEventListener('abort', giveUp, { once: true });
      this.#waiting.set(number, () => {
        signal.removeEventListener('abort', giveUp);
        resolve();
      });
    });
  }
}
