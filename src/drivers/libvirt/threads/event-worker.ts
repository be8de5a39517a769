import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import koffi from 'koffi';
import * as domain from '../binding/domain.ts';
import { createDomainEventCallbacks, type DomainEventCallbacks } from '../binding/domain-event.ts';
import * as event from '../binding/event.ts';
import type { Pointer } from '../binding/library.ts';
import { EventConnection } from './event-connection.ts';
import { type EventRequest, type RawEvent, STOP, STOPPED, WAKE_FD } from './event-messages.ts';
import { createWakeDescriptor, drain } from './wake-descriptor.ts';

/** Runs libvirt's event loop for the whole process, and the connections that events come over. */
class EventWorker {
  readonly #port: MessagePort;
  readonly #connections = new Map<Pointer, EventConnection>();
  readonly #callbacks: DomainEventCallbacks;
  readonly #timeoutCallback: Pointer;

  constructor(port: MessagePort) {
    this.#port = port;
    this.#callbacks = createDomainEventCallbacks({
      lifecycle: (_connection, object, kind, detail, opaque) =>
        this.#emit(opaque, () => ({ kind: 'lifecycle', uuid: domain.getUUIDString(object), event: kind, detail })),
      blockJob2: (_connection, object, disk, _type, status, opaque) =>
        this.#emit(opaque, () => ({
          kind: 'block-job',
          uuid: domain.getUUIDString(object),
          disk: koffi.decode.string(disk),
          status,
        })),
      agentLifecycle: (_connection, object, state, _reason, opaque) =>
        this.#emit(opaque, () => ({ kind: 'agent', uuid: domain.getUUIDString(object), state })),
      metadataChange: (_connection, object, _type, _namespace, opaque) =>
        this.#emit(opaque, () => ({ kind: 'metadata', uuid: domain.getUUIDString(object) })),
      close: (_connection, _reason, opaque) => this.#connections.get(opaque)?.onLost(),
    });
    this.#timeoutCallback = event.createTimeoutCallback((_timer, opaque) => this.#connections.get(opaque)?.onTimeout());
  }

  run(shared: Int32Array): void {
    while (Atomics.load(shared, STOP) === 0) {
      this.#takeRequests();
      event.runDefaultImpl();
      for (const connection of this.#connections.values()) connection.settle();
    }
    for (const connection of this.#connections.values()) connection.close();
    this.#port.close();
  }

  #takeRequests(): void {
    for (;;) {
      const received: { message: EventRequest } | undefined = receiveMessageOnPort(this.#port);
      if (received === undefined) return;
      const { message } = received;
      if (message.kind === 'open') this.#open(message.id, message.uri);
      else this.#close(message.id);
    }
  }

  #open(id: number, uri: string): void {
    const opaque = BigInt(id);
    const emit = (raw: RawEvent): void => this.#port.postMessage({ id, event: raw });
    const options = { uri, opaque, emit, callbacks: this.#callbacks, timeoutCallback: this.#timeoutCallback };
    this.#connections.set(opaque, new EventConnection(options));
  }

  #close(id: number): void {
    const opaque = BigInt(id);
    this.#connections.get(opaque)?.close();
    this.#connections.delete(opaque);
  }

  #emit(opaque: Pointer, read: () => RawEvent): void {
    this.#connections.get(opaque)?.emit(read());
  }
}

/** The loop must be registered before the first connection, and the descriptor be there before the first look for requests. */
function main(port: MessagePort, shared: Int32Array): void {
  event.registerDefaultImpl();
  const wakeFd = createWakeDescriptor();
  event.addReadHandle(wakeFd, () => drain(wakeFd));
  Atomics.store(shared, WAKE_FD, wakeFd);
  new EventWorker(port).run(shared);
  Atomics.store(shared, STOPPED, 1);
  Atomics.notify(shared, STOPPED);
}

if (parentPort !== null) main(parentPort, new Int32Array(workerData.shared));
