import { maySeeOperation } from '../../model/access.ts';
import { type Operation, operationNotFound } from '../../model/operation.ts';
import type { OperationFilter } from '../../model/ports/journal.ts';
import type { Core } from './context.ts';

/** Newest first; everybody's for an admin, else the caller's own. */
export async function listOperations(core: Core, filter: OperationFilter = {}): Promise<readonly Operation[]> {
  const { caller } = core;
  // somebody else's are neither listed nor good for a place to go on from
  if (filter.requestedBy !== undefined && !maySeeOperation(caller, { requestedBy: filter.requestedBy })) return [];
  if (filter.marker !== undefined) await showOperation(core, filter.marker);
  const own = caller.role === 'admin' ? {} : { requestedBy: caller.name };
  return (await core.journal.list({ ...filter, ...own })).map(({ operation }) => operation);
}

/** OPERATION_NOT_FOUND for somebody else's too. */
export async function showOperation(core: Core, operationId: string): Promise<Operation> {
  const { operation } = await core.journal.read(operationId);
  if (maySeeOperation(core.caller, operation)) return operation;
  throw operationNotFound(operationId);
}
