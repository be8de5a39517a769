import type { EventType } from '../../api/schemas/events.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Application, CallerApplication } from '../../operations/application.ts';
import { EventQueue } from './event-queue.ts';
import { InstanceEvents } from './instance-events.ts';
import { OperationEvents } from './operation-events.ts';

const KEEP_ALIVE_MS = 15_000;
const KEEP_ALIVE = ': keep-alive\n\n';

export interface Wish {
  readonly types: ReadonlySet<EventType>;
  /** null: from now on. */
  readonly afterRevision: number | null;
  /** Called when the reader is so slow that it was told to go. */
  readonly onGiveUp: () => void;
}

/** All event streams of an agent. */
export class EventHub {
  readonly #application: Application;
  readonly #operations: OperationEvents;
  readonly #instances: InstanceEvents;
  readonly #queues = new Set<EventQueue>();

  constructor(application: Application, log: Pick<Logger, 'warn'>) {
    this.#application = application;
    this.#operations = new OperationEvents(application.feed, log);
    this.#instances = new InstanceEvents(application, log);
  }

  /** What the caller may see of what happens, until `leave` is called. Resolves when nothing from then on will be missed. */
  async open(caller: CallerApplication, wish: Wish): Promise<{ readonly queue: EventQueue; leave(): void }> {
    const queue = new EventQueue(wish.onGiveUp);
    const reader = { caller: caller.caller, queue };
    const timer = setInterval(() => void this.#keepAlive(caller, queue), KEEP_ALIVE_MS).unref();
    this.#queues.add(queue);
    const leave = () => {
      clearInterval(timer);
      this.#queues.delete(queue);
      this.#operations.leave(reader);
      this.#instances.leave(reader);
      queue.end();
    };
    // the head of an answer goes out with its first words
    queue.push(KEEP_ALIVE);
    if (wish.types.has('instance')) await this.#instances.join(reader);
    if (wish.types.has('operation')) await this.#operations.join(reader, wish.afterRevision);
    return { queue, leave };
  }

  /** Ends all streams. */
  close(): void {
    for (const queue of this.#queues) queue.end();
  }

  /** Rights that were taken away end what they opened. */
  async #keepAlive(caller: CallerApplication, queue: EventQueue): Promise<void> {
    if (await this.#isStillWelcome(caller)) queue.push(KEEP_ALIVE);
    else queue.end();
  }

  async #isStillWelcome(caller: CallerApplication): Promise<boolean> {
    if (caller === this.#application) return true;
    const { name, role } = caller.caller;
    try {
      return (await this.#application.identifyName(name))?.role === role;
    } catch {
      return false;
    }
  }
}
