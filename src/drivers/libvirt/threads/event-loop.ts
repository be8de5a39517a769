import { writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { builtFile } from '../../../lib/built-file.ts';
import { type EventMessage, type EventRequest, type RawEvent, STOP, WAKE_FD } from './event-messages.ts';

type Listener = (event: RawEvent) => void;

/** The event thread, seen from outside. It does not keep the process alive, and stops with it. */
class EventLoop {
  readonly #shared = new Int32Array(new SharedArrayBuffer(8));
  readonly #worker: Worker;
  readonly #listeners = new Map<number, Listener>();
  #lastId = 0;

  constructor() {
    const file = builtFile('drivers/libvirt/threads/event-worker.js');
    this.#worker = new Worker(file, { workerData: { shared: this.#shared.buffer }, execArgv: [] });
    this.#worker.on('message', ({ id, event }: EventMessage) => this.#listeners.get(id)?.(event));
    this.#worker.on('error', (error) => this.#fail(error));
    // after the listeners: a listener for messages keeps the process alive again
    this.#worker.unref();
    // Node waits for its threads when it exits, and this one may wait for events without limit
    process.on('exit', () => this.#stop());
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

  #stop(): void {
    Atomics.store(this.#shared, STOP, 1);
    this.#wake();
  }

  /** Before the thread has its descriptor it needs no waking: it looks for requests before it waits. */
  #wake(): void {
    const fd = Atomics.load(this.#shared, WAKE_FD);
    if (fd > 0) writeSync(fd, new Uint8Array(new BigUint64Array([1n]).buffer));
  }

  #fail(error: Error): void {
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
