import type { Logger } from '../../lib/logger.ts';

/** Undoes what was done, last first, unless committed. An undo that fails is logged and never hides the first error. */
export class Reverter implements AsyncDisposable {
  readonly #log: Logger;
  #undos: { readonly label: string; readonly undo: () => Promise<void> }[] = [];

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Push the undo right after its step. It must be idempotent. */
  add(label: string, undo: () => Promise<void>): void {
    this.#undos.push({ label, undo });
  }

  commit(): void {
    this.#undos = [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { label, undo } of this.#undos.reverse()) {
      try {
        await undo();
      } catch (error) {
        this.#log.error({ undo: label, error: String(error) }, 'an undo failed');
      }
    }
    this.#undos = [];
  }
}
