import { DarkroomError } from '../../../model/errors.ts';
import type { Shelf } from '../../../model/ports/shelf.ts';
import type { ShelfClaim } from '../../../model/shelved-instance.ts';
import type { OperationContext } from '../../support/context.ts';

/**
 * The id of an image in the making, among all hosts of the store that it comes to: two that copied it at once would discard each
 * other's files. Only a claim of an operation that this host knows to be over is taken over. IMAGE_BUSY.
 */
export async function claimImage(context: OperationContext, shelf: Shelf, imageId: string): Promise<void> {
  const since = context.clock.now().toISOString();
  const { hostName: host, operation } = context;
  const claim: ShelfClaim = { instanceId: imageId, host, operationId: operation.id, kind: 'image.copy', since };
  const holder = await shelf.claim(claim);
  if (holder === null) return;
  if ((await isOver(context, holder)) && (await shelf.stealClaim(claim, holder))) return;
  throw new DarkroomError(
    'IMAGE_BUSY',
    `The image ${imageId} is being copied to the same store by host ${holder.host} since ${holder.since} (operation ` +
      `${holder.operationId}). Wait for it; where that host is gone for good, remove instances/${imageId}.claim from the store.`,
    { fields: { imageId, host: holder.host, operationId: holder.operationId } },
  );
}

async function isOver(context: OperationContext, holder: ShelfClaim): Promise<boolean> {
  if (holder.host !== context.hostName) return false;
  return await context.journal.read(holder.operationId).then(
    ({ operation, plan }) => operation.status !== 'running' && plan === null,
    // another state folder's
    () => false,
  );
}
