import { DarkroomError, hasCode } from '../../../model/errors.ts';
import type { ShelfClaim } from '../../../model/shelved-instance.ts';
import type { OperationContext } from '../../support/context.ts';

/** INSTANCE_BUSY unless nobody else works on the shelved instance, on whatever host; ours until it is released. */
export async function claimInstance(
  context: OperationContext,
  wish: { readonly instanceId: string; readonly kind: string; readonly isStealing: boolean },
): Promise<void> {
  const claim: ShelfClaim = {
    instanceId: wish.instanceId,
    host: context.hostName,
    operationId: context.operation.id,
    kind: wish.kind,
    since: context.clock.now().toISOString(),
  };
  const holder = await context.shelf.claim(claim);
  if (holder === null) return;
  const isTaken = wish.isStealing || (await isOfDeadProcess(context, holder));
  if (!isTaken || !(await context.shelf.stealClaim(claim, holder))) throw busy(holder);
  context.operation.warn(`The claim of ${holder.host} (${holder.kind}, since ${holder.since}) was taken over.`);
}

/**
 * The lock of the instance is ours: another operation on record here that claims it has lost its process. One that has something to
 * put right yet keeps its claim until recovery has done so.
 */
async function isOfDeadProcess(context: OperationContext, holder: ShelfClaim): Promise<boolean> {
  if (holder.host !== context.hostName) return false;
  return await context.journal.read(holder.operationId).then(
    ({ plan }) => plan === null,
    (error: unknown) => {
      if (hasCode(error, 'OPERATION_NOT_FOUND')) return false;
      throw error;
    },
  );
}

function busy({ instanceId, host, operationId, kind, since }: ShelfClaim): DarkroomError {
  return new DarkroomError(
    'INSTANCE_BUSY',
    `The shelved instance ${instanceId} is claimed by ${host} since ${since} (${kind}, operation ${operationId}). Wait for it. ` +
      'A host that died gives it up when Darkroom runs there again; if it never will, unshelve with --steal.',
    { fields: { instanceId, host, operationId, kind } },
  );
}
