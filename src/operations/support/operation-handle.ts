import type { Operation, OperationProgress, OperationResult } from '../../model/operation.ts';
import type { Journal } from '../../model/ports/journal.ts';
import type { TimingName } from '../../model/timings.ts';

/** What a use case tells of itself while it runs. */
export class OperationHandle {
  readonly id: string;
  readonly #journal: Journal;
  readonly #timings: Record<string, number> = {};
  readonly #warnings: string[] = [];
  #result: OperationResult = {};
  #plan: unknown = null;
  #hasBegun = false;

  constructor(id: string, journal: Journal) {
    this.id = id;
    this.#journal = journal;
  }

  /** Durable when it resolves: `step` is about to change the world, and `plan` is what putting it right would need. */
  async enter(step: string, plan: unknown): Promise<void> {
    this.#plan = plan;
    this.#hasBegun = true;
    await this.#journal.enterStep(this.id, step, plan);
  }

  /** Nothing of this operation needs to be put right any more. */
  async settle(step: string): Promise<void> {
    await this.enter(step, null);
  }

  /** A new step that changes nothing in the world. */
  async announce(step: string): Promise<void> {
    await this.#journal.enterStep(this.id, step, this.#plan);
  }

  /** Something in the world may have been changed, even if it is undone by now. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  get isSettled(): boolean {
    return this.#plan === null;
  }

  async report(progress: OperationProgress | null): Promise<void> {
    await this.#journal.saveProgress(this.id, progress);
  }

  async saveResult(result: OperationResult): Promise<void> {
    this.#result = { ...this.#result, ...result };
    await this.#journal.saveFacts(this.id, { result: this.#result });
  }

  /** Milliseconds, or bytes. Goes on record with the end, or with recordTimings. */
  addTiming(name: TimingName, value: number): void {
    this.#timings[name] = Math.round(value * 10) / 10;
  }

  addTimings(timings: Readonly<Partial<Record<TimingName, number>>>): void {
    Object.assign(this.#timings, timings);
  }

  async recordTimings(): Promise<void> {
    await this.#journal.saveFacts(this.id, { timings: { ...this.#timings } });
  }

  warn(warning: string): void {
    this.#warnings.push(warning);
  }

  get facts(): Pick<Operation, 'timings' | 'result' | 'warnings'> {
    return { timings: { ...this.#timings }, result: this.#result, warnings: [...this.#warnings] };
  }
}
