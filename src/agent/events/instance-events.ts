import { encodeEvent } from '../../api/event-stream.ts';
import type { Logger } from '../../lib/logger.ts';
import { type Caller, maySeeInstance } from '../../model/access.ts';
import type { Instance } from '../../model/instance.ts';
import type { HypervisorEvent } from '../../model/ports/hypervisor.ts';
import type { Application } from '../../operations/application.ts';
import type { EventQueue } from './event-queue.ts';

/** One action of libvirt is several events. */
const SETTLE_MS = 100;
/** A look reads all instances: a host on which much happens is not read all the time for it. */
const REST_MS = 1000;
const RETRY_MS = 5000;

export interface InstanceReader {
  readonly caller: Caller;
  readonly queue: EventQueue;
}

type Source = Pick<Application, 'subscribe' | 'instances'>;

/** Tells all readers of instances that changed, as they are by then; without readers nobody looks. */
export class InstanceEvents {
  readonly #source: Source;
  readonly #log: Pick<Logger, 'warn'>;
  readonly #readers = new Set<InstanceReader>();
  /** As they were told of; null: not looked at yet. */
  #known: ReadonlyMap<string, Instance> | null = null;
  /** What libvirt told of since the last look. */
  #touched = new Set<string>();
  #isDue = false;
  #isBusy = false;
  #unsubscribe: () => void = () => undefined;

  constructor(source: Source, log: Pick<Logger, 'warn'>) {
    this.#source = source;
    this.#log = log;
  }

  /** Resolves when everything that happens from now on will be told. */
  async join(reader: InstanceReader): Promise<void> {
    this.#readers.add(reader);
    if (this.#readers.size === 1) this.#unsubscribe = this.#source.subscribe((event) => this.#hear(event));
    if (this.#known === null) await this.#look();
    if (reader.queue.isOver) this.leave(reader);
  }

  leave(reader: InstanceReader): void {
    if (!this.#readers.delete(reader) || this.#readers.size > 0) return;
    this.#unsubscribe();
    this.#known = null;
    this.#touched = new Set();
    this.#isDue = false;
  }

  #hear(event: HypervisorEvent): void {
    if (event.kind === 'lifecycle') this.#touched.add(event.uuid);
    // a look compares all of them: it finds what was missed while the connection was lost, and labels that changed
    if (event.kind === 'lifecycle' || event.kind === 'metadata' || (event.kind === 'connection' && event.isConnected))
      this.#lookSoon();
  }

  #lookSoon(): void {
    this.#isDue = true;
    if (!this.#isBusy) this.#busyFor(SETTLE_MS);
  }

  /** What is asked for meanwhile is one look afterwards. */
  #busyFor(milliseconds: number): void {
    this.#isBusy = true;
    setTimeout(() => {
      this.#isBusy = false;
      if (this.#isDue) void this.#lookAndRest();
    }, milliseconds).unref();
  }

  async #lookAndRest(): Promise<void> {
    this.#isBusy = true;
    this.#isDue = false;
    await this.#look();
    // a look that failed is due again
    this.#busyFor(this.#isDue ? RETRY_MS : REST_MS);
  }

  async #look(): Promise<void> {
    const touched = this.#touched;
    this.#touched = new Set();
    try {
      const instances = await this.#source.instances.list();
      if (this.#readers.size > 0) this.#compare(new Map(instances.map((found) => [found.id, found])), touched);
    } catch (error) {
      this.#log.warn({ error: String(error) }, 'instances could not be looked at for their readers');
      for (const id of touched) this.#touched.add(id);
      if (this.#readers.size > 0) this.#lookSoon();
    }
  }

  #compare(found: ReadonlyMap<string, Instance>, touched: ReadonlySet<string>): void {
    const known = this.#known;
    this.#known = found;
    for (const [id, instance] of found) {
      const before = known?.get(id) ?? null;
      if (touched.has(id) || (known !== null && !isSame(before, instance))) this.#tell(id, before, instance);
    }
    for (const [id, before] of known ?? []) if (!found.has(id)) this.#tell(id, before, null);
  }

  /** To whom an instance is no longer visible it is gone. */
  #tell(id: string, before: Instance | null, now: Instance | null): void {
    for (const { caller, queue } of this.#readers) {
      if (now !== null && maySeeInstance(caller, now)) queue.push(encodeEvent('instance', now));
      else if (before !== null && maySeeInstance(caller, before)) queue.push(encodeEvent('instance-gone', { id }));
    }
  }
}

function isSame(left: Instance | null, right: Instance): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
