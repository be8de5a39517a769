import path from 'node:path';
import { hasCode } from '../../../../model/errors.ts';
import type { CheckpointInfo } from '../../../../model/ports/hypervisor.ts';
import type { SnapshotRecord } from '../../../../model/snapshot/snapshot.ts';
import type { RestorePlan } from '../../../restore-snapshot-plan.ts';
import type { Core } from '../../../support/context.ts';
import { releaseVolume } from '../volume-claim.ts';
import { beginAnew, goOnAsBefore } from './restored-checkpoints.ts';
import { closeDefinition, putDefinitionBack } from './restored-definition.ts';
import { isSwapped, removeBeside, swapBack } from './swap-disk.ts';

/** What was there before the swap and is known to this process alone. */
export interface Before {
  readonly checkpoints: CheckpointInfo[];
  readonly head: Pick<SnapshotRecord, 'headAt' | 'checkpoint'> | null;
}

/** The volume has the new content: all that speaks of it follows. Idempotent, for whoever takes over. */
export async function tellOfRestore(core: Core, plan: RestorePlan, changed: CheckpointInfo[] = []): Promise<void> {
  await core.files.sync(path.dirname(plan.diskPath));
  await closeDefinition(core, plan);
  await beginAnew(core, plan, changed);
  await noteHead(core, plan, plan);
}

/** Nothing goes back any more: the old content goes. Idempotent. */
export async function endRestore(core: Core, plan: RestorePlan, operationId: string): Promise<void> {
  await removeBeside(core, plan);
  await releaseVolume(core, plan.volume, { id: operationId });
}

/** The old content is back, whole, and everything speaks of it again. Idempotent. */
export async function undoRestore(
  core: Core,
  plan: RestorePlan,
  { operationId, before }: { readonly operationId: string; readonly before: Before },
): Promise<void> {
  const wasSwapped = await isSwapped(core, plan);
  await swapBack(core, plan);
  await putDefinitionBack(core, plan);
  if (wasSwapped) {
    await goOnAsBefore(core, plan, before.checkpoints);
    if (before.head !== null) await noteHead(core, plan, before.head);
  }
  await endRestore(core, plan, operationId);
}

/** A snapshot that was deleted meanwhile is nobody's head. */
async function noteHead(
  core: Core,
  { snapshotId }: RestorePlan,
  { headAt, checkpoint }: Pick<SnapshotRecord, 'headAt' | 'checkpoint'>,
): Promise<void> {
  try {
    const record = await core.snapshots.read(snapshotId);
    if (record.headAt === headAt && record.checkpoint === checkpoint) return;
    await core.snapshots.update({ ...record, headAt, checkpoint });
  } catch (error) {
    if (!hasCode(error, 'SNAPSHOT_NOT_FOUND')) throw error;
  }
}
