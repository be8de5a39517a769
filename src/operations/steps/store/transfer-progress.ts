import type { OperationContext } from '../../support/context.ts';

/**
 * Progress of files that go to a store elsewhere or come from one, side by side. It is a step of the operation as soon as there are
 * bytes of them: where the store lies on this host there never are.
 */
export class TransferProgress {
  readonly #context: OperationContext;
  readonly #step: string;
  readonly #lanes: { bytes: number; readonly totalBytes: number }[] = [];
  #hasBegun = false;

  constructor(context: OperationContext, step: 'fetch' | 'upload') {
    this.#context = context;
    this.#step = step;
  }

  /** For one file: takes all bytes of it that are there so far. */
  addFile(totalBytes: number): (bytes: number) => void {
    const lane = { bytes: 0, totalBytes };
    this.#lanes.push(lane);
    return (bytes) => {
      lane.bytes = Math.max(lane.bytes, bytes);
      this.#report();
    };
  }

  /** Something was brought, so that the operation says what it goes on with. */
  async backTo(step: string): Promise<void> {
    if (!this.#hasBegun) return;
    this.#hasBegun = false;
    await this.#context.operation.report(null);
    await this.#context.operation.announce(step);
  }

  #report(): void {
    const { operation } = this.#context;
    if (!this.#hasBegun) operation.announce(this.#step).catch(() => undefined);
    this.#hasBegun = true;
    const total = this.#lanes.reduce((sum, { totalBytes }) => sum + totalBytes, 0);
    const done = Math.min(
      total,
      this.#lanes.reduce((sum, { bytes }) => sum + bytes, 0),
    );
    operation.report({ done, total, unit: 'bytes' }).catch(() => undefined);
  }
}
