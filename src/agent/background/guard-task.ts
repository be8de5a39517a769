import type { Logger } from '../../lib/logger.ts';
import { toDarkroomError } from '../../model/errors.ts';

export type Task = (signal: AbortSignal) => Promise<void>;

/** The task, whose failure stops nothing else. A failure is told once, and again when it becomes another one or is over. */
export function guardTask(log: Pick<Logger, 'info' | 'warn'>, name: string, task: Task): Task {
  let told: string | null = null;
  return async (signal) => {
    try {
      await task(signal);
      if (told !== null) log.info({ task: name }, 'a task in the background works again');
      told = null;
    } catch (thrown) {
      const { code, message } = toDarkroomError(thrown);
      const seen = `${code}: ${message}`;
      if (seen === told) return;
      told = seen;
      const stack = code === 'INTERNAL' && thrown instanceof Error ? { stack: thrown.stack ?? null } : {};
      log.warn({ task: name, code, error: message, ...stack }, 'a task in the background failed and is tried again');
    }
  };
}
