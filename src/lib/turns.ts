/**
 * Turns of the event loop for work that holds it up: the first who asks has the turn that is, everybody else one of those that
 * follow, in order. What else waits is served in between, however many come at once.
 */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  #isTaken = false;

  /** To be followed by the work itself, with nothing awaited between. */
  take(): Promise<void> {
    if (this.#isTaken) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#isTaken = true;
    setImmediate(() => this.#pass());
    return Promise.resolve();
  }

  #pass(): void {
    const next = this.#waiting.shift();
    this.#isTaken = next !== undefined;
    if (next === undefined) return;
    setImmediate(() => this.#pass());
    next();
  }
}
