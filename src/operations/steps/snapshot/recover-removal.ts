import { type DarkroomError, hasCode } from '../../../model/errors.ts';
import type { JournalledOperation } from '../../../model/operation.ts';
import type { SnapshotRemovalPlan } from '../../snapshot-removal-plan.ts';
import type { Core } from '../../support/context.ts';
import { acquireLocks } from '../../support/operation-locks.ts';
import { fillExclusive } from './fill-exclusive.ts';
import { enterVolume, leaveVolume, type VolumeWork } from './leave-volume.ts';
import { removeSnapshots } from './remove-snapshots.ts';
import { volumeLock } from './snapshot-locks.ts';

/**
 * Forwards: whoever asked wants it gone. Where that cannot be done now because somebody reads it, or the store is away, it is tried again;
 * where it lacks room or is damaged, it stays as it is and that is told. Of an operation that failed only what lies about goes.
 */
export async function recoverRemoval(
  core: Core,
  plan: SnapshotRemovalPlan,
  { operation }: JournalledOperation,
): Promise<readonly string[]> {
  const { volume, removals } = plan;
  const work: VolumeWork = { volume, operation, removals };
  await acquireLocks(
    core,
    { exclusive: [volumeLock(volume)], shared: [] },
    { operationId: operation.id, kind: operation.kind },
  );
  await enterVolume(core, work);
  try {
    // drafts of the dead process first: they take the names and the room that new ones need
    await core.snapshots.discardDrafts(volume, operation.id);
    return plan.isWanted ? await finishRemoval(core, plan, operation) : ['What it had begun was taken back.'];
  } finally {
    await leaveVolume(core, work);
  }
}

async function finishRemoval(
  core: Core,
  { volume, snapshotId }: SnapshotRemovalPlan,
  operation: JournalledOperation['operation'],
): Promise<readonly string[]> {
  try {
    const signal = new AbortController().signal;
    const removal = { volume, id: snapshotId, operation, held: [] };
    const { isHidden, warnings } = await removeSnapshots(core, removal, signal);
    await fillExclusive(core, volume);
    return [...tellOutcome(snapshotId, isHidden), ...warnings];
  } catch (error) {
    if (hasCode(error, 'NO_SPACE', 'SNAPSHOT_DAMAGED', 'COPY_FAILED')) return [tellKept(snapshotId, error)];
    throw error;
  }
}

function tellOutcome(id: string | null, isHidden: boolean): readonly string[] {
  if (id === null) return [];
  return [isHidden ? `The snapshot ${id} is hidden: others still need its data.` : `The snapshot ${id} was deleted.`];
}

function tellKept(id: string | null, error: DarkroomError): string {
  return `The snapshot ${id ?? 'that was hidden'} was kept: ${error.message}`;
}
