import type { CallArgs, CallName, CallResult } from '../calls/table.ts';
import { CallThread } from './call-thread.ts';

export interface CallPoolOptions {
  readonly uri: string;
  /** How many threads at most run calls; libvirtd itself serves 20 clients at a time. */
  readonly maxThreads: number;
  /** How many threads stay when there is nothing to do for the moment. */
  readonly idleThreads: number;
  /** After so long with nothing to do one stays: each takes 9 MB. 15 s where it is absent. */
  readonly restAfterMs?: number;
}

const REST_AFTER_MS = 15_000;

export interface CallOptions {
  /** Never waits for other calls: gets a thread of its own when all are busy. */
  readonly isUrgent?: boolean;
}

/** Threads started on demand, each with its own connection, so that a call that blocks holds up no other. */
export class CallPool {
  readonly #options: CallPoolOptions;
  readonly #threads = new Set<CallThread>();
  readonly #queue: ((thread: CallThread) => void)[] = [];
  readonly #pending = new Set<Promise<unknown>>();
  #isClosed = false;
  #rest: NodeJS.Timeout | undefined;

  constructor(options: CallPoolOptions) {
    this.#options = options;
  }

  /** Throws LibvirtError when libvirt says no. */
  async call<N extends CallName>(name: N, args: CallArgs<N>, options: CallOptions = {}): Promise<CallResult<N>> {
    if (this.#isClosed) throw new Error(`libvirt call ${name} after the connection was disposed of`);
    const result = this.#dispatch((thread) => thread.run<CallResult<N>>({ name, args }), options);
    this.#pending.add(result);
    try {
      return await result;
    } finally {
      this.#pending.delete(result);
      this.#next();
    }
  }

  /** Waits for the calls that run or wait, then ends all threads. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#rest);
    await Promise.allSettled(this.#pending);
    await Promise.all([...this.#threads].map((thread) => thread.end()));
  }

  #dispatch<R>(run: (thread: CallThread) => Promise<R>, options: CallOptions): Promise<R> {
    const thread = this.#idleThread() ?? this.#startThread(options);
    if (thread !== undefined) return run(thread);
    return new Promise((resolve, reject) => {
      this.#queue.push((free) => run(free).then(resolve, reject));
    });
  }

  /** After a call: gives free threads to those who wait, then lets go of what is not needed. */
  #next(): void {
    for (const thread of this.#threads) if (thread.hasEnded) this.#threads.delete(thread);
    while (this.#queue.length > 0) {
      const thread = this.#idleThread() ?? this.#startThread({});
      if (thread === undefined) return;
      this.#queue.shift()?.(thread);
    }
    if (this.#isClosed) return;
    this.#trim(this.#options.idleThreads);
    this.#rest ??= setTimeout(() => this.#trim(1), this.#options.restAfterMs ?? REST_AFTER_MS).unref();
    this.#rest.refresh();
  }

  #trim(keep: number): void {
    const idle = [...this.#threads].filter((thread) => !thread.isBusy);
    for (const thread of idle.slice(keep)) {
      this.#threads.delete(thread);
      void thread.end();
    }
  }

  /** The oldest first, so that the others stay unused and cost nothing. */
  #idleThread(): CallThread | undefined {
    return [...this.#threads].find((thread) => !thread.isBusy && !thread.hasEnded);
  }

  #startThread({ isUrgent = false }: CallOptions): CallThread | undefined {
    if (this.#threads.size >= this.#options.maxThreads && !isUrgent) return undefined;
    const thread = new CallThread(this.#options.uri);
    this.#threads.add(thread);
    return thread;
  }
}
