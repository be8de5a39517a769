import { DarkroomError } from '../../model/errors.ts';
import type { Operation } from '../../model/operation.ts';
import type { Core } from './context.ts';
import { showOperation } from './list-operations.ts';
import type { OperationRunner } from './operation-runner.ts';

/** Asks an operation to undo itself. One of another process sees that in the journal, one of ours is told at once. */
export async function cancelOperation(core: Core, runner: OperationRunner, operationId: string): Promise<Operation> {
  const operation = await showOperation(core, operationId);
  if (operation.status !== 'running') {
    throw new DarkroomError('OPERATION_FINISHED', `The operation ${operationId} is over: ${operation.status}.`, {
      fields: { operationId, status: operation.status },
    });
  }
  await core.journal.requestCancel(operationId);
  runner.cancel(operationId);
  return (await core.journal.read(operationId)).operation;
}
