import { DarkroomError } from '../../../model/errors.ts';
import type { VolumeClaim } from '../../../model/ports/snapshot-store.ts';
import type { Core } from '../../support/context.ts';

/**
 * Nobody else, on whatever host, changes that volume's snapshots until it is released. A claim that an operation of this host left
 * behind is taken over: the volume's lock, which the caller holds, says that its process is dead. VOLUME_BUSY.
 */
export async function claimVolume(core: Core, volume: string, operation: { id: string; kind: string }): Promise<void> {
  const since = core.clock.now().toISOString();
  const claim: VolumeClaim = { volume, host: core.hostName, operationId: operation.id, kind: operation.kind, since };
  const holder = await core.snapshots.claim(claim);
  if (holder === null) return;
  if (holder.host === core.hostName && (await core.snapshots.stealClaim(claim, holder))) return;
  throw new DarkroomError(
    'VOLUME_BUSY',
    `The snapshots of volume ${volume} are being changed by host ${holder.host} since ${holder.since} (${holder.kind}, operation ` +
      `${holder.operationId}). Wait for it; where that host is gone for good, remove snapshots/${volume}/lock from the store.`,
    { fields: { volume, host: holder.host, operationId: holder.operationId, kind: holder.kind } },
  );
}

export async function releaseVolume(core: Core, volume: string, operation: { readonly id: string }): Promise<void> {
  await core.snapshots.releaseClaim(volume, operation.id);
}
