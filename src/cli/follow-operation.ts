import { setTimeout as sleep } from 'node:timers/promises';
import { DarkroomError, hasCode } from '../model/errors.ts';
import type { Operation } from '../model/operation.ts';
import type { CommandContext } from './context.ts';
import type { Progress } from './render/progress.ts';
import { formatDuration } from './render/text.ts';

export interface FollowOptions {
  readonly operation: Operation;
  readonly progress: Progress;
  /** Ends it, with whatever is thrown then. */
  readonly signal?: AbortSignal;
  readonly onChange?: (change: Operation) => void;
}

/**
 * Shows an operation until it is over, across a restart of the agent. AGENT_UNREACHABLE when that does not come back
 * within the patience of the context; the operation then goes on without us, or is put right.
 */
export async function followOperation(context: CommandContext, options: FollowOptions): Promise<Operation> {
  const { operation, progress, signal, onChange } = options;
  const outage = new Outage(context, options);
  let last = operation;
  for (;;) {
    try {
      for await (const change of context.client.operations.watch(operation.id)) {
        if (signal?.aborted === true) return last;
        outage.end();
        last = change;
        progress.update(change);
        onChange?.(change);
      }
      return last;
    } catch (error) {
      if (!context.isAgent || signal?.aborted === true || !isAway(error)) throw error;
      await outage.bear(error);
    }
  }
}

function isAway(error: unknown): error is DarkroomError {
  return hasCode(error, 'AGENT_UNREACHABLE', 'AGENT_STOPPING');
}

/** The time in which an agent does not answer. */
class Outage {
  readonly #context: CommandContext;
  readonly #options: FollowOptions;
  #sinceMs: number | null = null;

  constructor(context: CommandContext, options: FollowOptions) {
    this.#context = context;
    this.#options = options;
  }

  async bear(error: DarkroomError): Promise<void> {
    const { patience } = this.#context;
    if (this.#sinceMs === null) {
      this.#sinceMs = performance.now();
      this.#options.progress.note('The agent is not answering; trying again.');
    }
    if (performance.now() - this.#sinceMs >= patience.totalMs) throw this.#giveUp(error);
    await sleep(patience.pauseMs, undefined, { ...(this.#options.signal && { signal: this.#options.signal }) });
  }

  end(): void {
    if (this.#sinceMs === null) return;
    this.#sinceMs = null;
    this.#options.progress.note('The agent answers again.');
  }

  #giveUp(error: DarkroomError): DarkroomError {
    const { id } = this.#options.operation;
    const time = formatDuration(this.#context.patience.totalMs);
    const message = `${error.message} It has not answered for ${time}. Operation ${id} goes on, or is put right by the agent when it is back; see 'darkroom operation show ${id}'.`;
    return new DarkroomError('AGENT_UNREACHABLE', message, {
      fields: { ...error.fields, operation: id },
      cause: error,
    });
  }
}
