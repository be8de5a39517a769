import { Worker } from 'node:worker_threads';
import { builtFile } from '../../../lib/built-file.ts';
import { type CallAnswer, reviveFailure } from './call-answer.ts';
import { exitPast } from './exit-past-threads.ts';
import type { CallRequest } from './messages.ts';

/** One call thread, seen from outside. A running call keeps the process alive, an idle thread does not. */
export class CallThread {
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  #fail: ((error: Error) => void) | null = null;
  #hasEnded = false;
  #lastUseMs = performance.now();
  #startedMs: number | null = performance.now();

  constructor(uri: string) {
    // Node's own options would be inherited, such as --input-type, which a thread must not have
    this.#worker = new Worker(builtFile('drivers/libvirt/threads/call-worker.js'), {
      workerData: { uri },
      execArgv: [],
    });
    this.#worker.unref();
    this.#worker.on('error', (error) => this.#fail?.(error));
    const forget = exitPast(() => this.isBusy);
    this.#ended = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        forget();
        this.#hasEnded = true;
        this.#fail?.(new Error('a libvirt call thread ended during its call'));
        resolve();
      });
    });
  }

  get isBusy(): boolean {
    return this.#fail !== null;
  }

  /** For how long it has been starting; null: it has answered. */
  get startingMs(): number | null {
    return this.#startedMs === null ? null : performance.now() - this.#startedMs;
  }

  /** For how long it has not been used. */
  get idleMs(): number {
    return this.isBusy ? 0 : performance.now() - this.#lastUseMs;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** One call at a time. */
  run<R>(request: CallRequest): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      const onAnswer = (answer: CallAnswer<R>): void => {
        this.#release();
        if (answer.isOk) resolve(answer.value);
        else reject(reviveFailure(answer.failure));
      };
      this.#fail = (error) => {
        this.#worker.off('message', onAnswer);
        this.#release();
        reject(error);
      };
      this.#worker.once('message', onAnswer);
      this.#worker.ref();
      this.#worker.postMessage(request);
    });
  }

  /** Closes the connection and ends the thread, after the call that it runs. */
  async end(): Promise<void> {
    if (this.#hasEnded) return;
    this.#worker.ref();
    this.#worker.postMessage(null);
    await this.#ended;
  }

  #release(): void {
    this.#fail = null;
    this.#startedMs = null;
    this.#lastUseMs = performance.now();
    this.#worker.unref();
  }
}
