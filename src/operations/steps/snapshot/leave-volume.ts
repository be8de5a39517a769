import type { Core, OperationContext } from '../../support/context.ts';
import { settleRewrites } from './settle-rewrites.ts';
import { claimVolume, releaseVolume } from './volume-claim.ts';

export interface VolumeWork {
  readonly volume: string;
  readonly operation: { readonly id: string; readonly kind: string };
  /** Whose files may be left without a record. */
  readonly removals: readonly string[];
}

/** Claims the volume, with nothing that anybody left half-done. */
export async function enterVolume(core: Core, { volume, operation }: VolumeWork): Promise<void> {
  await claimVolume(core, volume, operation);
  await settleRewrites(core, volume);
}

/** Leaves nothing of the operation, and gives the volume back. Idempotent; also where the claim was never ours. */
export async function leaveVolume(core: Core, { volume, operation, removals }: VolumeWork): Promise<void> {
  await core.snapshots.discardDrafts(volume, operation.id);
  if (!(await isClaimedBy(core, volume, operation.id))) return;
  try {
    await settleRewrites(core, volume);
    await removeRemains(core, volume, removals);
  } finally {
    await releaseVolume(core, volume, operation);
  }
}

/** The work is done; what cannot be put away now stays in the plan, for recovery. */
export async function leaveAndSettle(context: OperationContext, work: VolumeWork): Promise<void> {
  try {
    await leaveVolume(context, work);
    await context.operation.settle('done');
  } catch (error) {
    context.log.error({ error: String(error) }, 'what an operation leaves behind is left to recovery');
  }
}

async function isClaimedBy({ snapshots, hostName }: Core, volume: string, operationId: string): Promise<boolean> {
  const holder = await snapshots.readClaim(volume);
  return holder?.host === hostName && holder.operationId === operationId;
}

/** The record goes first: a process that ended then left a file that nobody sees. One that is on record, or that another may need, stays. */
async function removeRemains(core: Core, volume: string, ids: readonly string[]): Promise<void> {
  const { snapshots, broken } = await core.snapshots.list({ volume });
  if (broken.length > 0) return;
  const kept = new Set(snapshots.flatMap(({ id, parent }) => [id, parent]));
  for (const id of ids) if (!kept.has(id)) await core.snapshots.remove({ id, volume });
}
