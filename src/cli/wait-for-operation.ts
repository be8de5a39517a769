import { DarkroomError } from '../model/errors.ts';
import type { Operation } from '../model/operation.ts';
import { Cancellation } from './cancellation.ts';
import type { CommandContext } from './context.ts';
import { followOperation } from './follow-operation.ts';
import { printWarning } from './output.ts';
import { createProgress } from './render/create-progress.ts';
import type { Progress } from './render/progress.ts';

export interface WaitOptions {
  /** Hears of every change, after it was shown. */
  readonly onChange?: (operation: Operation, progress: Progress) => void;
  /** What a person who wishes its end is told. */
  readonly cancelling?: string;
}

/**
 * Submits an operation, shows how it goes on and resolves when it succeeded; any other end is thrown. Ctrl-C cancels it
 * and still waits for its end, since only then the guest is as it was; a second one leaves an agent to it.
 */
export async function waitForOperation(
  context: CommandContext,
  submit: () => Promise<Operation>,
  { onChange, cancelling }: WaitOptions = {},
): Promise<Operation> {
  const progress = await createProgress(context.output);
  const cancellation = new Cancellation(context, progress, cancelling);
  using _listener = context.interrupts.listen(() => cancellation.request());
  const ended = await tidily(
    progress,
    Promise.race([cancellation.left, carryOut(context, { submit, progress, cancellation, onChange })]),
  );
  for (const warning of ended.warnings) printWarning(context.output, warning);
  const succeeded = requireSuccess(ended);
  context.interrupts.finish();
  return succeeded;
}

/** Shows an operation until it is over. */
export async function watchToEnd(context: CommandContext, operation: Operation): Promise<Operation> {
  const progress = await createProgress(context.output);
  return await tidily(progress, followOperation(context, { operation, progress }));
}

async function tidily<Result>(progress: Progress, work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } finally {
    progress.end();
  }
}

interface FollowParts {
  readonly submit: () => Promise<Operation>;
  readonly progress: Progress;
  readonly cancellation: Cancellation;
  readonly onChange: WaitOptions['onChange'] | undefined;
}

async function carryOut(
  context: CommandContext,
  { submit, progress, cancellation, onChange }: FollowParts,
): Promise<Operation> {
  const operation = await submit();
  cancellation.aim(operation.id);
  return await followOperation(context, {
    operation,
    progress,
    signal: cancellation.signal,
    onChange: (change) => {
      cancellation.repeat();
      onChange?.(change, progress);
    },
  });
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

function requireSuccess(operation: Operation): Operation {
  const failure = failureOf(operation);
  if (failure !== null) throw failure;
  return operation;
}
