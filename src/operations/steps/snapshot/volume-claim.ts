import { DarkroomError } from '../../../model/errors.ts';
import type { VolumeClaim } from '../../../model/ports/snapshot-store.ts';
import type { Core } from '../../support/context.ts';
import { busyVolume } from './busy-volume.ts';

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
  throw busyVolume(core.snapshots, holder);
}

/** What another host's claim would refuse is refused at once, before there is an operation. VOLUME_BUSY. */
export async function requireUnclaimed(core: Core, volume: string): Promise<void> {
  const holder = await core.snapshots.readClaim(volume);
  if (holder !== null && holder.host !== core.hostName) throw busyVolume(core.snapshots, holder);
}

/** Before what cannot be undone: a claim that was taken away from a host that hung is no longer its own. VOLUME_BUSY. */
export async function requireClaim(core: Core, volume: string, operationId: string): Promise<void> {
  const holder = await core.snapshots.readClaim(volume);
  if (holder?.host === core.hostName && holder.operationId === operationId) return;
  if (holder !== null) throw busyVolume(core.snapshots, holder);
  throw new DarkroomError('VOLUME_BUSY', `The claim on the snapshots of volume ${volume} was taken away meanwhile.`, {
    fields: { volume },
  });
}

export async function releaseVolume(core: Core, volume: string, operation: { readonly id: string }): Promise<void> {
  await core.snapshots.releaseClaim(volume, operation.id);
}
