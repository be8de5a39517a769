import type { SnapshotStore, VolumeClaim } from '../../../../model/ports/snapshot-store.ts';
import type { OperationContext } from '../../../support/context.ts';
import { busyVolume } from '../busy-volume.ts';

/**
 * The claim of a volume in a store that is not this host's own, so that no lock here says who else works on it: only a claim of an
 * operation that this host knows to be over is taken over. VOLUME_BUSY.
 */
export async function claimElsewhere(context: OperationContext, store: SnapshotStore, volume: string): Promise<void> {
  const since = context.clock.now().toISOString();
  const operationId = context.operation.id;
  const claim: VolumeClaim = { volume, host: context.hostName, operationId, kind: 'snapshot.copy', since };
  const holder = await store.claim(claim);
  if (holder === null) return;
  if ((await isOver(context, holder)) && (await store.stealClaim(claim, holder))) return;
  throw busyVolume(store, holder);
}

async function isOver(context: OperationContext, holder: VolumeClaim): Promise<boolean> {
  if (holder.host !== context.hostName) return false;
  return await context.journal.read(holder.operationId).then(
    ({ operation, plan }) => operation.status !== 'running' && plan === null,
    // another state folder's
    () => false,
  );
}
