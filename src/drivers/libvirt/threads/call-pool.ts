import type { CallArgs, CallName, CallResult } from '../calls/table.ts';
import { CallQueue, type Urgency, type WaitingCall } from './call-queue.ts';
import { CallThread } from './call-thread.ts';

export interface CallPoolOptions {
  readonly uri: string;
  /** How many threads at most run calls; libvirtd itself serves 20 clients at a time. */
  readonly maxThreads: number;
  /** So many more for calls that only read. 0 where it is absent. */
  readonly readThreads?: number;
  /** How many threads stay when there is nothing to do for the moment. */
  readonly idleThreads: number;
  /** After so long with nothing to do one stays: each takes 9 MB. 15 s where it is absent. */
  readonly restAfterMs?: number;
}

const REST_AFTER_MS = 15_000;
/** A thread that is not needed now may be needed again at once, and one that starts takes 40 ms of a core. */
const LINGER_MS = 5_000;
/** Most calls take less, so that a thread is free before a new one has started. */
const PATIENCE_MS = 10;
/** Where all calls block, so often one more thread starts. */
const START_EVERY_MS = 50;
/** Where it takes longer to start, libvirt does not answer new connections, or not all. */
const START_LIMIT_MS = 150;

export interface CallOptions {
  /**
   * urgent: never waits for other calls, gets a thread of its own when all are busy. prompt: waits for no thread that
   * may be free soon. read: waits for no call that changes something. Absent: may wait.
   */
  readonly urgency?: Urgency;
}

/** Threads started on demand, each with its own connection, so that a call that blocks holds up no other. */
export class CallPool {
  readonly #options: CallPoolOptions;
  readonly #threads = new Set<CallThread>();
  readonly #queue = new CallQueue();
  readonly #pending = new Set<Promise<unknown>>();
  #isClosed = false;
  #growth: NodeJS.Timeout | undefined;
  #tidying: NodeJS.Timeout | undefined;

  constructor(options: CallPoolOptions) {
    this.#options = options;
  }

  /** Throws LibvirtError when libvirt says no. */
  async call<N extends CallName>(name: N, args: CallArgs<N>, options: CallOptions = {}): Promise<CallResult<N>> {
    if (this.#isClosed) throw new Error(`libvirt call ${name} after the connection was disposed of`);
    const { urgency = 'patient' } = options;
    const result = this.#dispatch((thread) => thread.run<CallResult<N>>({ name, args }), urgency);
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
    await Promise.allSettled(this.#pending);
    clearTimeout(this.#growth);
    clearTimeout(this.#tidying);
    await Promise.all([...this.#threads].map((thread) => thread.end()));
  }

  #dispatch<R>(run: (thread: CallThread) => Promise<R>, urgency: Urgency): Promise<R> {
    const thread = this.#threadFor(urgency);
    if (thread !== undefined) return run(thread);
    return new Promise((resolve, reject) => {
      this.#queue.add({ urgency, give: (free) => run(free).then(resolve, reject) });
      this.#growth ??= setTimeout(() => this.#grow(), PATIENCE_MS);
    });
  }

  /** After a call: gives free threads to those who wait, then lets go of what was not needed for a while. */
  #next(): void {
    for (const thread of this.#threads) if (thread.hasEnded) this.#threads.delete(thread);
    for (let waiting = this.#takeable(); waiting !== undefined; waiting = this.#takeable()) {
      const thread = this.#threadFor(waiting.urgency);
      if (thread === undefined) break;
      this.#queue.remove(waiting);
      waiting.give(thread);
    }
    if (!this.#isClosed) this.#tidyLater();
  }

  #takeable(): WaitingCall | undefined {
    return this.#queue.first((urgency) => this.#busyCount() < this.#limitFor(urgency));
  }

  #limitFor(urgency: Urgency): number {
    const { maxThreads, readThreads = 0 } = this.#options;
    if (urgency === 'urgent') return Number.POSITIVE_INFINITY;
    return urgency === 'read' ? maxThreads + readThreads : maxThreads;
  }

  #busyCount(): number {
    return [...this.#threads].filter((thread) => thread.isBusy).length;
  }

  #threadFor(urgency: Urgency): CallThread | undefined {
    if (this.#busyCount() >= this.#limitFor(urgency)) return undefined;
    const isPatient = urgency === 'patient' || urgency === 'read';
    return (
      this.#idleThread(urgency) ??
      (isPatient && this.#threads.size >= this.#options.idleThreads ? undefined : this.#start())
    );
  }

  /** The oldest first, so that the others stay unused and cost nothing; the last of several is for calls that only read. */
  #idleThread(urgency: Urgency): CallThread | undefined {
    const { readThreads = 0, idleThreads } = this.#options;
    const [idle, ...others] = [...this.#threads].filter((thread) => !thread.isBusy && !thread.hasEnded);
    const isKept = urgency === 'patient' && readThreads > 0 && this.#threads.size >= idleThreads;
    return isKept && others.length === 0 ? undefined : idle;
  }

  #start(): CallThread {
    const thread = new CallThread(this.#options.uri);
    this.#threads.add(thread);
    return thread;
  }

  /** Calls have waited longer than most take: one more thread, and soon another where that does not help. */
  #grow(): void {
    this.#growth = undefined;
    const waiting = this.#isStarting() ? undefined : this.#takeable();
    if (waiting !== undefined) {
      this.#queue.remove(waiting);
      waiting.give(this.#idleThread(waiting.urgency) ?? this.#start());
    }
    if (this.#queue.size > 0) this.#growth = setTimeout(() => this.#grow(), START_EVERY_MS);
  }

  #isStarting(): boolean {
    return [...this.#threads].some(({ startingMs }) => startingMs !== null && startingMs < START_LIMIT_MS);
  }

  #tidyLater(): void {
    if (this.#threads.size <= 1) return;
    const everyMs = Math.min(LINGER_MS, this.#restAfterMs);
    this.#tidying ??= setTimeout(() => this.#tidy(), everyMs).unref();
  }

  get #restAfterMs(): number {
    return this.#options.restAfterMs ?? REST_AFTER_MS;
  }

  #tidy(): void {
    this.#tidying = undefined;
    const idle = [...this.#threads].filter((thread) => !thread.isBusy);
    const isUnused = (thread: CallThread, index: number): boolean =>
      thread.idleMs >= (index < this.#options.idleThreads ? this.#restAfterMs : LINGER_MS);
    for (const [index, thread] of idle.entries()) {
      if (index === 0 || !isUnused(thread, index)) continue;
      this.#threads.delete(thread);
      void thread.end();
    }
    this.#tidyLater();
  }
}
