import { toErrorBody } from '../../api/error-body.ts';
import { encodeEvent } from '../../api/event-stream.ts';
import { DarkroomError } from '../../model/errors.ts';

/** What a reader may be behind by. A change takes a kilobyte: this is minutes of a busy host. */
const MAX_WAITING_CHARACTERS = 1024 * 1024;

/** Text on its way to one reader. One that does not keep up is told so and let go. */
export class EventQueue implements AsyncIterable<string> {
  readonly #onGiveUp: () => void;
  #waiting: string[] = [];
  #characters = 0;
  #isOver = false;
  #wakeReader: () => void = () => undefined;
  #wakeWriter: () => void = () => undefined;

  constructor(onGiveUp: () => void) {
    this.#onGiveUp = onGiveUp;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** What comes after the end is dropped. */
  push(text: string): void {
    if (this.#isOver) return;
    this.#waiting.push(text);
    this.#characters += text.length;
    if (this.#characters > MAX_WAITING_CHARACTERS) this.#giveUp();
    this.#wakeReader();
  }

  /** Resolves when the reader has taken everything, or wants no more. */
  async drained(): Promise<void> {
    while (this.#waiting.length > 0 && !this.#isOver) {
      await new Promise<void>((resolve) => {
        this.#wakeWriter = resolve;
      });
    }
  }

  /** What is waiting still goes out. */
  end(): void {
    this.#isOver = true;
    this.#wakeReader();
    this.#wakeWriter();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    for (;;) {
      while (this.#waiting.length > 0) yield this.#takeAll();
      this.#wakeWriter();
      if (this.#isOver) return;
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
  }

  #takeAll(): string {
    const text = this.#waiting.join('');
    this.#waiting = [];
    this.#characters = 0;
    return text;
  }

  #giveUp(): void {
    const error = new DarkroomError(
      'TOO_MANY_REQUESTS',
      'Events came faster than they were read. Open the stream again with Last-Event-ID.',
    );
    this.#waiting = [encodeEvent('error', toErrorBody(error))];
    this.end();
    this.#onGiveUp();
  }
}
