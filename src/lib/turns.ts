/** In each turn of its loop Node takes one new connection, and an answer needs several. */
const LOOPS_BETWEEN = 8;

/**
 * Turns for work that holds the event loop up: the first who asks has the turn that is, everybody else one of those that
 * follow, in order. What else waits is served in between, however many come at once.
 */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  #isTaken = false;

  /** To be followed by the work itself, with nothing awaited between. */
  take(): Promise<void> {
    if (this.#isTaken) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#isTaken = true;
    this.#passAfter(LOOPS_BETWEEN);
    return Promise.resolve();
  }

  #passAfter(loops: number): void {
    setImmediate(() => (loops > 1 ? this.#passAfter(loops - 1) : this.#pass()));
  }

  #pass(): void {
    const next = this.#waiting.shift();
    this.#isTaken = next !== undefined;
    if (next === undefined) return;
    this.#passAfter(LOOPS_BETWEEN);
    next();
  }
}
