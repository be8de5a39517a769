import type { OperationProgress } from '../../model/operation.ts';
import type { Database } from './database.ts';

const MIN_INTERVAL_MS = 500;

/** Writes progress at most twice a second, however often it is told, and without waiting for the disk. */
export class ProgressWriter {
  readonly #database: Database;
  readonly #pending = new Map<string, OperationProgress | null>();
  #timer: NodeJS.Timeout | null = null;
  #writtenAtMs = Number.NEGATIVE_INFINITY;

  constructor(database: Database) {
    this.#database = database;
  }

  save(operationId: string, progress: OperationProgress | null): void {
    this.#pending.set(operationId, progress);
    if (this.#timer !== null) return;
    const waitMs = this.#writtenAtMs + MIN_INTERVAL_MS - performance.now();
    if (waitMs <= 0) {
      this.flush();
      return;
    }
    this.#timer = setTimeout(() => this.flush(), waitMs);
    this.#timer.unref();
  }

  /** The newest progress that has not been written yet. */
  peek(operationId: string): OperationProgress | null | undefined {
    return this.#pending.get(operationId);
  }

  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#pending.size === 0) return;
    this.#writtenAtMs = performance.now();
    try {
      this.#database.transact('cheap', () => {
        for (const [operationId, progress] of this.#pending) this.#write(operationId, progress);
      });
      this.#pending.clear();
    } catch {
      // Best effort: what could not be written stays pending for the next time, and work goes on.
    }
  }

  /** Within a transaction of the caller's: the last progress becomes as durable as that is. */
  writePending(operationId: string): void {
    const progress = this.#pending.get(operationId);
    if (progress !== undefined) this.#write(operationId, progress);
  }

  forget(operationId: string): void {
    this.#pending.delete(operationId);
  }

  #write(operationId: string, progress: OperationProgress | null): void {
    const text = progress === null ? null : JSON.stringify(progress);
    this.#database.prepare('UPDATE operations SET progress = ? WHERE id = ?').run(text, operationId);
  }
}
