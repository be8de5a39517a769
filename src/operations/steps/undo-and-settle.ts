import type { OperationContext } from '../support/context.ts';

/** Puts the world right and settles. Where that fails, the plan stays in the journal, for recovery. Never throws. */
export async function undoAndSettle(
  context: OperationContext,
  undo: () => Promise<unknown>,
  step = 'undone',
): Promise<void> {
  try {
    await undo();
    await context.operation.settle(step);
  } catch (error) {
    context.log.error({ error: String(error) }, 'an undo failed and is left to recovery');
  }
}
