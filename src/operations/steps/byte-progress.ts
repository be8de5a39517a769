import type { OperationHandle } from '../support/operation-handle.ts';

/** Progress over several stages, each with a share of the bytes. Never goes back; what cannot be recorded is let go. */
export class ByteProgress {
  readonly #operation: OperationHandle;
  readonly #totalBytes: number;
  #doneBytes = 0;
  #stageStart = 0;

  constructor(operation: OperationHandle, totalBytes: number) {
    this.#operation = operation;
    this.#totalBytes = totalBytes;
  }

  /** Of the current stage. */
  at(bytes: number): void {
    const done = Math.min(this.#totalBytes, Math.round(this.#stageStart + bytes));
    if (done <= this.#doneBytes) return;
    this.#doneBytes = done;
    this.#operation.report({ done, total: this.#totalBytes, unit: 'bytes' }).catch(() => undefined);
  }

  /** The current stage is over and was worth that much. */
  endStage(bytes: number): void {
    this.at(bytes);
    this.#stageStart = Math.min(this.#totalBytes, this.#stageStart + bytes);
  }
}
