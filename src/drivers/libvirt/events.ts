import type { HypervisorEvent } from '../../model/ports/hypervisor.ts';
import { sharedEventLoop } from './threads/event-loop.ts';
import type { RawEvent } from './threads/event-messages.ts';

type Listener = (event: HypervisorEvent) => void;
type Log = (fields: Readonly<Record<string, unknown>>, message: string) => void;

/** Gives the events of one hypervisor to any number of listeners; connects when the first one comes. */
export class EventSource {
  readonly #uri: string;
  readonly #log: Log;
  readonly #listeners = new Set<Listener>();
  #closeConnection: (() => void) | null = null;

  constructor(uri: string, log: Log) {
    this.#uri = uri;
    this.#log = log;
  }

  subscribe(listener: Listener): () => void {
    const own: Listener = (event) => listener(event);
    this.#listeners.add(own);
    this.#closeConnection ??= sharedEventLoop().open(this.#uri, (raw) => this.#onRawEvent(raw));
    return () => {
      this.#listeners.delete(own);
    };
  }

  close(): void {
    this.#listeners.clear();
    this.#closeConnection?.();
    this.#closeConnection = null;
  }

  #onRawEvent(raw: RawEvent): void {
    if (raw.kind === 'connection') this.#logConnection(raw.isConnected, raw.reason);
    const event = toHypervisorEvent(raw);
    if (event === null) return;
    for (const listener of this.#listeners) this.#notify(listener, event);
  }

  /** One listener's fault is not another's. */
  #notify(listener: Listener, event: HypervisorEvent): void {
    try {
      listener(event);
    } catch (error) {
      this.#log({ error, event: event.kind }, 'a listener of hypervisor events failed');
    }
  }

  #logConnection(isConnected: boolean, reason: string): void {
    if (isConnected) this.#log({ uri: this.#uri }, 'listening to libvirt events');
    else this.#log({ uri: this.#uri, reason }, 'lost the connection for libvirt events');
  }
}

/** https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainEventType */
const LIFECYCLE = [
  'defined',
  'undefined',
  'started',
  'suspended',
  'resumed',
  'stopped',
  'shutdown',
  'pmsuspended',
  'crashed',
];

/** https://libvirt.org/html/libvirt-libvirt-domain.html#virConnectDomainEventBlockJobStatus */
const BLOCK_JOB_STATUS = ['completed', 'failed', 'cancelled', 'ready'] as const;

/** virConnectDomainEventAgentLifecycleState */
const AGENT_CONNECTED = 1;

/** null for what a newer libvirt may say and nobody here understands. */
export function toHypervisorEvent(raw: RawEvent): HypervisorEvent | null {
  switch (raw.kind) {
    case 'lifecycle':
      return { ...raw, event: LIFECYCLE[raw.event] ?? `unknown-${raw.event}` };
    case 'block-job': {
      const status = BLOCK_JOB_STATUS[raw.status];
      return status === undefined ? null : { ...raw, status };
    }
    case 'agent':
      return { kind: 'agent', uuid: raw.uuid, isConnected: raw.state === AGENT_CONNECTED };
    case 'metadata':
      return raw;
    case 'connection':
      return { kind: 'connection', isConnected: raw.isConnected };
    default:
      return raw satisfies never;
  }
}
