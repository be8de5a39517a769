import { setTimeout as sleep } from 'node:timers/promises';
import { DarkroomError, hasCode, toDarkroomError } from '../model/errors.ts';
import type { CommandContext } from './context.ts';
import type { Progress } from './render/progress.ts';

const CANCELLING = 'Cancelling: undoing what was begun, guests stay as they were; this takes a moment.';
const MAY_LEAVE = 'Ctrl-C again leaves at once, and the agent goes on undoing.';
/** How long a person who leaves waits for the agent to say that it heard. */
const CONFIRMATION_MS = 1000;

/**
 * Asks once for the end of an operation, even when the wish came before its id was known. A second wish leaves an agent
 * to it; without one this process has to stay.
 */
export class Cancellation {
  /** Rejects with CANCELLED when nobody wants to wait any more. */
  readonly left: Promise<never>;
  readonly #context: CommandContext;
  readonly #progress: Progress;
  readonly #wording: string;
  readonly #leaving = new AbortController();
  #leave: (reason: DarkroomError) => void = () => {};
  #operationId: string | null = null;
  #isWished = false;
  #sending: Promise<boolean> | null = null;

  constructor(context: CommandContext, progress: Progress, wording = CANCELLING) {
    this.#context = context;
    this.#progress = progress;
    this.#wording = wording;
    this.left = new Promise((_resolve, reject) => {
      this.#leave = reject;
    });
  }

  /** Aborted together with `left`. */
  get signal(): AbortSignal {
    return this.#leaving.signal;
  }

  request(): void {
    if (this.#isWished && this.#context.isAgent) {
      void this.#leaveToAgent();
      return;
    }
    this.#isWished = true;
    this.#progress.note(this.#context.isAgent ? `${this.#wording} ${MAY_LEAVE}` : this.#wording);
    this.repeat();
  }

  aim(operationId: string): void {
    this.#operationId = operationId;
    this.repeat();
  }

  /** Asks again when nobody heard it. */
  repeat(): void {
    if (!this.#isWished || this.#sending !== null || this.#operationId === null) return;
    this.#sending = this.#send(this.#operationId);
  }

  async #send(operationId: string): Promise<boolean> {
    try {
      await this.#context.client.operations.cancel(operationId);
      return true;
    } catch (error) {
      // It may have ended by itself just before.
      if (hasCode(error, 'OPERATION_FINISHED')) return true;
      this.#sending = null;
      const isAway = this.#context.isAgent && hasCode(error, 'AGENT_UNREACHABLE');
      if (!isAway) this.#progress.note(`The cancellation was not accepted: ${toDarkroomError(error).message}`);
      return false;
    }
  }

  async #leaveToAgent(): Promise<void> {
    const isHeard = await Promise.race([this.#sending ?? false, sleep(CONFIRMATION_MS, false)]);
    this.#leave(leftBehind(this.#operationId, isHeard));
    this.#leaving.abort();
  }
}

function leftBehind(operation: string | null, isHeard: boolean): DarkroomError {
  const fields = { operation };
  if (operation === null) {
    const message = "The agent has not yet said whether it began the operation; see 'darkroom operation list'.";
    return new DarkroomError('CANCELLED', message, { fields });
  }
  const state = isHeard
    ? `Operation ${operation} is being undone by the agent`
    : `The agent has not confirmed that it undoes operation ${operation}`;
  return new DarkroomError('CANCELLED', `${state}; see 'darkroom operation show ${operation}'.`, { fields });
}
