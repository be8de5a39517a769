import { formatBytes } from '../model/format-bytes.ts';
import type { RestoreSnapshotRequest } from '../model/snapshot/requests.ts';
import { type RestorePlan, restorePlanSchema } from './restore-snapshot-plan.ts';
import { checkSpace } from './steps/check-space.ts';
import { findOwnSnapshot, requireAncestry } from './steps/snapshot/find-snapshot.ts';
import { type LockedSnapshot, requireLockedAncestry } from './steps/snapshot/locked-ancestry.ts';
import { snapshotDisk } from './steps/snapshot/read-source.ts';
import { type Before, endRestore, tellOfRestore, undoRestore } from './steps/snapshot/restore/finish-restore.ts';
import { planRestore } from './steps/snapshot/restore/plan-restore.ts';
import { requireRestorable } from './steps/snapshot/restore/require-restorable.ts';
import { openDefinition } from './steps/snapshot/restore/restored-definition.ts';
import { isSwapped, swapDisk } from './steps/snapshot/restore/swap-disk.ts';
import { type RestoreWork, writeContent } from './steps/snapshot/restore/write-content.ts';
import { readLocks, volumeLock } from './steps/snapshot/snapshot-locks.ts';
import { claimVolume } from './steps/snapshot/volume-claim.ts';
import { undoAndSettle } from './steps/undo-and-settle.ts';
import type { Core, OperationContext } from './support/context.ts';
import { acquireLocks } from './support/operation-locks.ts';
import { throwIfCancelled } from './support/patience.ts';
import type { LockRequest, Recover, UseCase } from './support/use-case.ts';

/** A volume becomes what a snapshot of it holds. Its instance is off; what it held before is kept until all is done. */
export const restoreSnapshot: UseCase<RestoreSnapshotRequest, LockedSnapshot> = {
  prepare: async (core, request) => {
    const snapshot = await findOwnSnapshot(core, request.snapshot);
    const ancestry = await requireAncestry(core, snapshot);
    const { domain } = await requireRestorable(core, snapshot);
    return {
      target: domain.name,
      locks: { ...restoreLocks(domain.uuid, snapshot.volume), shared: readLocks(ancestry) },
      input: { snapshotId: snapshot.id, volume: snapshot.volume, locked: ancestry.map(({ id }) => id) },
    };
  },

  run: async (context, input, signal) => {
    const work = await prepareWork(context, input, signal);
    const { plan, snapshot } = work;
    const { id } = context.operation;
    // QEMU's own lock: nobody starts the guest, with whatever tool
    await using _old = await context.diskTool.holdForReading({ path: plan.diskPath, format: 'raw' });
    const before: Before = { checkpoints: [], head: snapshot };
    await context.operation.enter('restore', plan);
    try {
      await claimVolume(context, plan.volume, { id, kind: 'snapshot.restore' });
      await writeContent(context, work, signal);
      await bringIn(context, { plan, before }, signal);
    } catch (error) {
      await undoAndSettle(context, () => undoRestore(context, plan, { operationId: id, before }));
      throw error;
    }
    // from here on it is restored: what is left of the old content is no reason to fail
    await undoAndSettle(context, () => endRestore(context, plan, id), 'restored');
    return { snapshotId: plan.snapshotId, instanceId: plan.instanceId };
  },
};

/** For a restore whose process died: the volume has the one content or the other, whole, and keeps it. */
export const recoverRestoreSnapshot: Recover = async (core, unfinished) => {
  const plan = restorePlanSchema.parse(unfinished.plan);
  const { id, kind } = unfinished.operation;
  await acquireLocks(core, restoreLocks(plan.instanceId, plan.volume), { operationId: id, kind });
  const subject = `Volume ${plan.target} of ${plan.instanceName}`;
  if (!(await isSwapped(core, plan))) {
    await undoRestore(core, plan, { operationId: id, before: { checkpoints: [], head: null } });
    return [`${subject} holds what it held before.`];
  }
  await tellOfRestore(core, plan);
  await endRestore(core, plan, id);
  return [`${subject} holds what the snapshot ${plan.snapshotId} holds: the restore was finished.`];
};

function restoreLocks(instanceId: string, volume: string): LockRequest {
  return { exclusive: [`instance:${instanceId}`, volumeLock(volume)], shared: [] };
}

/** Looks again at everything, under the locks, and refuses what can still be refused. */
async function prepareWork(
  context: OperationContext,
  input: LockedSnapshot,
  signal: AbortSignal,
): Promise<RestoreWork> {
  const { snapshot } = await requireLockedAncestry(context, input);
  const place = await requireRestorable(context, snapshot);
  const source = await snapshotDisk(context, snapshot, { signal });
  const bytes = await context.diskTool.measure(source, place.format, signal);
  await checkSpace(context, [{ path: place.path, bytes, what: 'the restored volume' }]);
  const plan = await planRestore(context, { snapshot, place });
  await warnOfDifferences(context, { plan, place, snapshot, source });
  return { plan, place, snapshot, source };
}

async function warnOfDifferences(
  { diskTool, operation }: Pick<Core, 'diskTool'> & Pick<OperationContext, 'operation'>,
  { place, snapshot }: RestoreWork,
): Promise<void> {
  // a disk that is broken is a reason for a restore, not against one
  const old = await diskTool.info({ path: place.path, format: place.format }).catch(() => null);
  if (old === null) return;
  if (old.backing !== null) {
    operation.warn(
      `Disk ${place.target} stood on ${old.backing.path}; restored it stands alone and takes its full size.`,
    );
  }
  if (old.virtualSizeBytes !== snapshot.logicalBytes) {
    const [was, is] = [formatBytes(old.virtualSizeBytes), formatBytes(snapshot.logicalBytes)];
    operation.warn(`Disk ${place.target} had ${was} and has ${is} again, as when the snapshot was taken.`);
  }
}

async function bringIn(
  context: OperationContext,
  { plan, before }: { readonly plan: RestorePlan; readonly before: Before },
  signal: AbortSignal,
): Promise<void> {
  plan.newInode = (await context.files.stat(plan.newPath))?.inode ?? null;
  throwIfCancelled(signal);
  await context.operation.enter('swap', plan);
  await using _new = await context.diskTool.holdForReading({ path: plan.newPath, format: 'raw' });
  await openDefinition(context, plan);
  await swapDisk(context, plan);
  await tellOfRestore(context, plan, before.checkpoints);
}
