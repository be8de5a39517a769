import { writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { builtFile } from '../../../lib/built-file.ts';
import {
  type EventMessage,
  type EventRequest,
  type RawEvent,
  SHARED_BYTES,
  STOP,
  STOPPED,
  WAKE_FD,
} from './event-messages.ts';
import { exitPast } from './exit-past-threads.ts';

type Listener = (event: RawEvent) => void;

/** Longer than it takes the thread to start. */
const STOP_LIMIT_MS = 2_000;

/** The event thread, seen from outside. It does not keep the process alive, and stops with it. */
class EventLoop {
  readonly #shared = new Int32Array(new SharedArrayBuffer(SHARED_BYTES));
  readonly #worker: Worker;
  readonly #listeners = new Map<number, Listener>();
  #hasFailed = false;
  #lastId = 0;

  constructor() {
    const file = builtFile('drivers/libvirt/threads/event-worker.js');
    this.#worker = new Worker(file, { workerData: { shared: this.#shared.buffer }, execArgv: [] });
    this.#worker.on('message', ({ id, event }: EventMessage) => this.#listeners.get(id)?.(event));
    this.#worker.on('error', (error) => this.#fail(error));
    // after the listeners: a listener for messages keeps the process alive again
    this.#worker.unref();
    exitPast(() => !this.#stop());
  }

  /** Calls `listener` with the events of the hypervisor at `uri` until the returned function is called. */
  open(uri: string, listener: Listener): () => void {
    this.#lastId += 1;
    const id = this.#lastId;
    this.#listeners.set(id, listener);
    this.#send({ kind: 'open', id, uri });
    return () => {
      this.#listeners.delete(id);
      this.#send({ kind: 'close', id });
    };
  }

  #send(request: EventRequest): void {
    this.#worker.postMessage(request);
    this.#wake();
  }

  /**
   * True when it has stopped. Node ends its threads in the middle of what they do; in the middle of a call to C, or
   * before one, that aborts the process.
   */
  #stop(): boolean {
    Atomics.store(this.#shared, STOP, 1);
    this.#wake();
    return this.#hasFailed || Atomics.wait(this.#shared, STOPPED, 0, STOP_LIMIT_MS) !== 'timed-out';
  }

  /** Before the thread has its descriptor it needs no waking: it looks for requests before it waits. */
  #wake(): void {
    const fd = Atomics.load(this.#shared, WAKE_FD);
    if (fd > 0) writeSync(fd, new Uint8Array(new BigUint64Array([1n]).buffer));
  }

  #fail(error: Error): void {
    this.#hasFailed = true;
    const event: RawEvent = { kind: 'connection', isConnected: false, reason: error.message };
    for (const listener of this.#listeners.values()) listener(event);
  }
}

/**
 * libvirt has one event loop per process, which cannot be taken back once registered and must then run for as long as
 * the process has connections: so here is the one variable of this module, and the thread stays until the process ends.
 */
let shared: EventLoop | undefined;

export function sharedEventLoop(): EventLoop {
  shared ??= new EventLoop();
  return shared;
}
