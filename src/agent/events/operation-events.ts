import { encodeEvent } from '../../api/event-stream.ts';
import type { Logger } from '../../lib/logger.ts';
import { type Caller, maySeeOperation } from '../../model/access.ts';
import type { JournalledOperation } from '../../model/operation.ts';
import type { Application } from '../../operations/application.ts';
import type { EventQueue } from './event-queue.ts';

const POLL_MS = 200;
const PAGE = 200;

export interface OperationReader {
  readonly caller: Caller;
  readonly queue: EventQueue;
}

/** Tells all readers of changes of operations, from one look at the journal for all of them; without readers nobody looks. */
export class OperationEvents {
  readonly #feed: Application['feed'];
  readonly #log: Pick<Logger, 'warn'>;
  /** With the revision up to which each was told. */
  readonly #readers = new Map<OperationReader, number>();
  /** Up to which all of them were told. */
  #revision = 0;
  #timer: NodeJS.Timeout | null = null;
  #isLooking = false;

  constructor(feed: Application['feed'], log: Pick<Logger, 'warn'>) {
    this.#feed = feed;
    this.#log = log;
  }

  /**
   * Tells what changed after that revision, or, where it is null or of a journal that was lost, from now on. Resolves when
   * nothing that happens from then on will be missed.
   */
  async join(reader: OperationReader, afterRevision: number | null): Promise<void> {
    const now = await this.#feed.lastRevision();
    const start = Math.min(afterRevision ?? now, now);
    if (this.#readers.size === 0) this.#revision = Math.max(this.#revision, now);
    // an id without data is no event, but where a reader goes on from that loses its connection before there is one
    reader.queue.push(`id: ${start}\n\n`);
    void this.#follow(reader, start);
  }

  /** Catching up may take as long as the reader does. */
  async #follow(reader: OperationReader, start: number): Promise<void> {
    try {
      const told = await this.#catchUp(reader, start);
      if (reader.queue.isOver) return;
      this.#readers.set(reader, told);
      this.#timer ??= setInterval(() => void this.#look(), POLL_MS).unref();
    } catch (error) {
      this.#log.warn({ error: String(error) }, 'changes of operations could not be read');
      reader.queue.end();
    }
  }

  leave(reader: OperationReader): void {
    this.#readers.delete(reader);
    if (this.#readers.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  /** At the reader's own speed, until nothing was told to the others while it looked for the last time. */
  async #catchUp(reader: OperationReader, afterRevision: number): Promise<number> {
    let told = afterRevision;
    while (!reader.queue.isOver) {
      const before = this.#revision;
      const changed = await this.#feed.listChanged(told, PAGE);
      for (const entry of changed) tell(reader, entry);
      told = changed.at(-1)?.revision ?? told;
      if (changed.length === 0 && this.#revision === before) break;
      await reader.queue.drained();
    }
    return told;
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      for (const entry of await this.#feed.listChanged(this.#revision, PAGE)) this.#tellAll(entry);
    } catch (error) {
      this.#log.warn({ error: String(error) }, 'changes of operations could not be read');
    } finally {
      this.#isLooking = false;
    }
  }

  #tellAll(entry: JournalledOperation): void {
    this.#revision = entry.revision;
    for (const [reader, told] of this.#readers) {
      if (entry.revision <= told) continue;
      this.#readers.set(reader, entry.revision);
      tell(reader, entry);
    }
  }
}

function tell({ caller, queue }: OperationReader, { operation, revision }: JournalledOperation): void {
  if (maySeeOperation(caller, operation)) queue.push(encodeEvent('operation', operation, String(revision)));
}
