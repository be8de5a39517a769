import type { OperationHandle } from '../support/operation-handle.ts';

/** One file of several. */
export interface ProgressLane {
  /** Of its current stage. */
  at(bytes: number): void;
  /** The current stage is over and was worth that much. */
  endStage(bytes: number): void;
}

/** Progress of files that are worked on side by side. Never goes back; what cannot be recorded is let go. */
export class ParallelProgress {
  readonly #operation: OperationHandle;
  readonly #totalBytes: number;
  readonly #lanes: { ended: number; current: number }[] = [];
  #doneBytes = 0;

  constructor(operation: OperationHandle, totalBytes: number) {
    this.#operation = operation;
    this.#totalBytes = totalBytes;
  }

  addLane(): ProgressLane {
    const lane = { ended: 0, current: 0 };
    this.#lanes.push(lane);
    return {
      at: (bytes) => {
        lane.current = Math.max(lane.current, bytes);
        this.#report();
      },
      endStage: (bytes) => {
        lane.ended += bytes;
        lane.current = 0;
        this.#report();
      },
    };
  }

  #report(): void {
    const sum = this.#lanes.reduce((total, { ended, current }) => total + ended + current, 0);
    const done = Math.min(this.#totalBytes, Math.round(sum));
    if (done <= this.#doneBytes) return;
    this.#doneBytes = done;
    this.#operation.report({ done, total: this.#totalBytes, unit: 'bytes' }).catch(() => undefined);
  }
}
