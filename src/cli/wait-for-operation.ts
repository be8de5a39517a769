import { DarkroomError, hasCode, toDarkroomError } from '../model/errors.ts';
import type { Operation } from '../model/operation.ts';
import type { CommandContext } from './context.ts';
import { printWarning } from './output.ts';
import { createProgress } from './render/create-progress.ts';
import type { Progress } from './render/progress.ts';

const CANCELLING = 'Cancelling: undoing what was begun. The guest is left as it was; this takes a moment.';

/**
 * Submits an operation, shows how it goes on and resolves when it succeeded; any other end is thrown. Ctrl-C cancels it
 * and still waits for its end, since only then the guest is as it was.
 */
export async function waitForOperation(context: CommandContext, submit: () => Promise<Operation>): Promise<Operation> {
  const progress = await createProgress(context.output);
  const cancellation = new Cancellation(context, progress);
  using _listener = context.interrupts.listen(() => cancellation.request());
  const submitted = await submit();
  cancellation.aim(submitted.id);
  const ended = await follow(context, { operation: submitted, progress });
  for (const warning of ended.warnings) printWarning(context.output, warning);
  return requireSuccess(ended);
}

/** Shows an operation until it is over. */
export async function followOperation(context: CommandContext, operation: Operation): Promise<Operation> {
  return await follow(context, { operation, progress: await createProgress(context.output) });
}

/** The failure that an operation ended with. */
export function failureOf(operation: Operation): DarkroomError | null {
  const fields = { operation: operation.id };
  if (operation.status === 'succeeded' || operation.status === 'running') return null;
  if (operation.status === 'cancelled') {
    return new DarkroomError('CANCELLED', `Operation ${operation.id} was cancelled and undone.`, { fields });
  }
  if (operation.status === 'interrupted') {
    const message = operation.error?.message ?? `Operation ${operation.id} was interrupted.`;
    const isLibvirtGone = operation.error?.code === 'LIBVIRT_UNREACHABLE';
    return new DarkroomError(isLibvirtGone ? 'LIBVIRT_UNREACHABLE' : 'OPERATION_INTERRUPTED', message, { fields });
  }
  const { code, message } = operation.error ?? { code: 'INTERNAL', message: 'The operation failed without a reason.' };
  return new DarkroomError(code, message, { fields });
}

async function follow(
  { client }: CommandContext,
  { operation, progress }: { operation: Operation; progress: Progress },
): Promise<Operation> {
  let last = operation;
  try {
    for await (const change of client.operations.watch(operation.id)) {
      last = change;
      progress.update(change);
    }
  } finally {
    progress.end();
  }
  return last;
}

function requireSuccess(operation: Operation): Operation {
  const failure = failureOf(operation);
  if (failure !== null) throw failure;
  return operation;
}

/** Asks once for the end of an operation, even when the wish came before its id was known. */
class Cancellation {
  readonly #context: CommandContext;
  readonly #progress: Progress;
  #operationId: string | null = null;
  #isWished = false;
  #isSent = false;

  constructor(context: CommandContext, progress: Progress) {
    this.#context = context;
    this.#progress = progress;
  }

  request(): void {
    this.#isWished = true;
    this.#progress.note(CANCELLING);
    this.#send();
  }

  aim(operationId: string): void {
    this.#operationId = operationId;
    this.#send();
  }

  #send(): void {
    if (!this.#isWished || this.#isSent || this.#operationId === null) return;
    this.#isSent = true;
    this.#context.client.operations.cancel(this.#operationId).catch((error: unknown) => {
      // It may have ended by itself just before.
      if (hasCode(error, 'OPERATION_FINISHED')) return;
      this.#isSent = false;
      this.#progress.note(`The cancellation was not accepted: ${toDarkroomError(error).message}`);
    });
  }
}
