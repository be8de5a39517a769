import { hasCode } from '../../../../model/errors.ts';
import type { SnapshotPlan } from '../../../snapshot-plan.ts';
import type { Core } from '../../../support/context.ts';
import { outlastLibvirtRestart } from '../../../support/patience.ts';
import { waitForDomainJobs } from '../../capture/look-at-domain.ts';
import { resumeGuest } from '../../capture/snapshot-paused.ts';
import { thawUntilConfirmed } from '../../capture/thaw-guest.ts';
import { releaseVolume } from '../volume-claim.ts';
import { endBackup } from './await-backup.ts';
import { dropCheckpoint } from './drop-checkpoint.ts';

const THAW_PATIENCE_MS = 60_000;

/**
 * The guest as it was, and nothing left of a snapshot that was not finished: the guest first, then QEMU's job, then files. Keeps
 * the plan's facts up to date. Returns what a person should know.
 */
export async function undoSnapshot(core: Core, plan: SnapshotPlan, operationId: string): Promise<readonly string[]> {
  const notes = await letGuestGo(core, plan);
  if (plan.mayBeCopying) {
    await waitForDomainJobs(core, plan);
    await endBackup(core, plan);
    plan.mayBeCopying = false;
  }
  if (!plan.isPublished) await removeTraces(core, plan, operationId);
  for (const { volume } of plan.disks) await releaseVolume(core, volume, { id: operationId });
  return notes;
}

async function letGuestGo(core: Core, plan: SnapshotPlan): Promise<string[]> {
  if (plan.mayBePaused) {
    await waitForDomainJobs(core, plan);
    await resumeGuest(core, plan);
  }
  if (!plan.mayBeFrozen) return [];
  const thawed = await thawUntilConfirmed(core, plan.instanceId, { patienceMs: THAW_PATIENCE_MS });
  if (thawed !== null) plan.mayBeFrozen = false;
  if (!plan.mayBeFrozen) return [];
  return [
    `The guest agent of ${plan.instanceName} never confirmed that its file systems are thawed. Look at the guest; ` +
      'Darkroom asks again at its next start.',
  ];
}

async function removeTraces(core: Core, plan: SnapshotPlan, operationId: string): Promise<void> {
  for (const { volume, snapshotId, stagingPath, differencesPath } of plan.disks) {
    if (!(await hasChildren(core, { snapshotId, volume }))) await core.snapshots.remove({ id: snapshotId, volume });
    await core.snapshots.discardDrafts(volume, operationId);
    if (stagingPath !== null) await core.files.remove(stagingPath);
    await core.files.remove(differencesPath);
  }
  await outlastLibvirtRestart(core, () => forgetCheckpoint(core, plan));
}

/** Somebody built upon it in the moment between our death and this: then it stays, since it is whole. */
async function hasChildren(
  core: Core,
  { snapshotId, volume }: { snapshotId: string; volume: string },
): Promise<boolean> {
  const { snapshots } = await core.snapshots.list({ volume });
  return snapshots.some(({ parent }) => parent === snapshotId);
}

async function forgetCheckpoint(core: Core, plan: SnapshotPlan): Promise<void> {
  if (plan.checkpoint === null) return;
  const disks = plan.disks.filter(({ target }) => plan.bitmapTargets.includes(target));
  try {
    await dropCheckpoint(core, { instanceId: plan.instanceId, name: plan.checkpoint, disks });
  } catch (error) {
    // an instance that is gone took its checkpoints along
    if (!hasCode(error, 'INSTANCE_NOT_FOUND')) throw error;
  }
}
