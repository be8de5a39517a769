import * as connect from '../binding/connect.ts';
import * as domainEvent from '../binding/domain-event.ts';
import * as event from '../binding/event.ts';
import type { Pointer } from '../binding/library.ts';
import { ERROR_CODE, LibvirtError } from '../binding/libvirt-error.ts';
import type { RawEvent } from './event-messages.ts';

const KEEP_ALIVE = { intervalSeconds: 5, count: 5 };
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 10_000;
const NEVER = -1;

export interface EventConnectionOptions {
  readonly uri: string;
  readonly callbacks: domainEvent.DomainEventCallbacks;
  /** Comes back with every event and timer of this connection. */
  readonly opaque: Pointer;
  readonly timeoutCallback: Pointer;
  readonly emit: (event: RawEvent) => void;
}

/** A connection that domain events come over; opened again, ever more patiently, whenever it is lost. */
export class EventConnection {
  readonly #options: EventConnectionOptions;
  readonly #timer: number;
  #pointer: Pointer | null = null;
  readonly #registered: number[] = [];
  #retryMs = FIRST_RETRY_MS;
  #isLost = false;
  #hasReportedLoss = false;

  constructor(options: EventConnectionOptions) {
    this.#options = options;
    this.#timer = event.addTimeout(0, { callback: options.timeoutCallback, opaque: options.opaque });
  }

  readonly emit = (raw: RawEvent): void => this.#options.emit(raw);

  /** The time for a try has come. */
  onTimeout(): void {
    event.updateTimeout(this.#timer, NEVER);
    try {
      this.#open();
      this.#retryMs = FIRST_RETRY_MS;
      this.#hasReportedLoss = false;
      this.emit({ kind: 'connection', isConnected: true, reason: '' });
    } catch (error) {
      this.#release();
      this.#reportLoss(error instanceof Error ? error.message : String(error));
      this.#retryLater();
    }
  }

  /** libvirt says so in a callback, in which the connection must not be closed: `settle` does. */
  onLost(): void {
    this.#isLost = true;
  }

  /** To be called between two turns of the loop. */
  settle(): void {
    if (!this.#isLost) return;
    this.#isLost = false;
    this.#release();
    this.#reportLoss('libvirt closed the connection');
    this.#retryLater();
  }

  close(): void {
    event.removeTimeout(this.#timer);
    this.#release();
  }

  #open(): void {
    const { uri, callbacks, opaque } = this.#options;
    const pointer = connect.open(uri);
    this.#pointer = pointer;
    connect.setKeepAlive(pointer, KEEP_ALIVE);
    ifSupported(() => domainEvent.registerCloseCallback(pointer, { callbacks, opaque }));
    for (const kind of ['lifecycle', 'blockJob2', 'agentLifecycle', 'metadataChange'] as const) {
      ifSupported(() =>
        this.#registered.push(domainEvent.domainEventRegisterAny(pointer, kind, { callbacks, opaque })),
      );
    }
  }

  /** Every registration holds the connection, so each is taken back before it is closed. */
  #release(): void {
    const pointer = this.#pointer;
    if (pointer === null) return;
    this.#pointer = null;
    for (const id of this.#registered.splice(0)) quietly(() => domainEvent.domainEventDeregisterAny(pointer, id));
    quietly(() => domainEvent.unregisterCloseCallback(pointer, this.#options.callbacks));
    quietly(() => connect.close(pointer));
  }

  #reportLoss(reason: string): void {
    if (this.#hasReportedLoss) return;
    this.#hasReportedLoss = true;
    this.emit({ kind: 'connection', isConnected: false, reason });
  }

  #retryLater(): void {
    event.updateTimeout(this.#timer, this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
  }
}

/** The test driver has no agent and no daemon to lose. */
function ifSupported(register: () => void): void {
  try {
    register();
  } catch (error) {
    if (!(error instanceof LibvirtError && error.code === ERROR_CODE.noSupport)) throw error;
  }
}

/** On a lost connection nothing can be taken back in order, and nothing needs to be. */
function quietly(undo: () => void): void {
  try {
    undo();
  } catch (error) {
    if (!(error instanceof LibvirtError)) throw error;
  }
}
