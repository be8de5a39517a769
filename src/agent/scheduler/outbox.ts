import type { Logger } from '../../lib/logger.ts';
import { toDarkroomError } from '../../model/errors.ts';
import type { Notification, Notifier } from '../../model/ports/notifier.ts';
import type { Task } from '../background/guard-task.ts';

/** Whoever cannot be told for that long has more to worry about than the oldest of them. */
const MOST_WAITING = 1000;

export interface Outbox {
  /** Where nobody is configured to hear of it, it goes nowhere. */
  push(notification: Notification): void;
  /** Sends what waits, oldest first, until one cannot be sent: that is tried again next time. */
  readonly task: Task;
  readonly waiting: number;
}

export interface OutboxParts {
  readonly notifier: Notifier;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** Called when something was pushed: a turn of the task is wanted. */
  readonly wake: () => void;
}

/** What somebody should hear of, on its way there: whoever hears slowly or not at all holds up nothing else. */
export function createOutbox({ notifier, log, wake }: OutboxParts): Outbox {
  const waiting: Notification[] = [];
  return {
    get waiting() {
      return waiting.length;
    },
    push: (notification) => {
      if (!notifier.isConfigured) return;
      waiting.push(notification);
      if (waiting.length > MOST_WAITING)
        log.warn(describe(waiting.shift()), 'a notification was dropped: too many wait');
      wake();
    },
    task: async (signal) => {
      for (;;) {
        const [next] = waiting;
        if (next === undefined || signal.aborted || !(await send(next, { notifier, log, signal }))) return;
        // pushes add behind it, and may have dropped it
        if (waiting[0] === next) waiting.shift();
      }
    },
  };
}

interface SendParts extends Pick<OutboxParts, 'notifier' | 'log'> {
  readonly signal: AbortSignal;
}

async function send(next: Notification, { notifier, log, signal }: SendParts): Promise<boolean> {
  try {
    await notifier.send(next, signal);
    log.info(describe(next), 'a notification was sent');
    return true;
  } catch (error) {
    const { code, message } = toDarkroomError(error);
    if (!signal.aborted)
      log.warn({ ...describe(next), code, error: message }, 'a notification could not be sent and is tried again');
    return false;
  }
}

function describe(notification: Notification | undefined) {
  const { id = null, event = null, instance } = notification ?? {};
  return { notificationId: id, event, instanceId: instance?.id ?? null, instanceName: instance?.name ?? null };
}
