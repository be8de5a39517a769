import { DarkroomError } from '../../model/errors.ts';
import type { Operation } from '../../model/operation.ts';
import type { OperationFilter } from '../../model/ports/journal.ts';
import type { Core } from './context.ts';

/** Newest first; everybody's for an admin, else the caller's own. */
export async function listOperations(core: Core, filter: OperationFilter = {}): Promise<readonly Operation[]> {
  const own = core.caller.role === 'admin' ? {} : { requestedBy: core.caller.name };
  return (await core.journal.list({ ...filter, ...own })).map(({ operation }) => operation);
}

/** OPERATION_NOT_FOUND for somebody else's too. */
export async function showOperation(core: Core, operationId: string): Promise<Operation> {
  const { operation } = await core.journal.read(operationId);
  if (maySee(core, operation)) return operation;
  throw new DarkroomError('OPERATION_NOT_FOUND', `There is no operation ${operationId}`, { fields: { operationId } });
}

export function maySee({ caller }: Core, { requestedBy }: Operation): boolean {
  return caller.role === 'admin' || requestedBy === caller.name;
}
