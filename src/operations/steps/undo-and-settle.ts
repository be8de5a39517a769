import type { OperationContext } from '../support/context.ts';

/** Puts the world right after a failure and settles. Where that fails too, the plan stays in the journal, for the next start. */
export async function undoAndSettle(context: OperationContext, undo: () => Promise<unknown>): Promise<void> {
  try {
    await undo();
    await context.operation.settle('undone');
  } catch (error) {
    context.log.error({ error: String(error) }, 'an undo failed and is left to recovery');
  }
}
