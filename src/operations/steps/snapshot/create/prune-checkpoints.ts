import { buildCheckpointXml } from '../../../../model/domain-xml/checkpoint-xml.ts';
import { isOurCheckpoint } from '../../../../model/snapshot/checkpoint-name.ts';
import { listParents } from '../../../../model/snapshot/choose-method.ts';
import type { OperationContext } from '../../../support/context.ts';
import { isLive } from '../../capture/look-at-domain.ts';
import { volumeId } from '../../volume-id.ts';
import { dropCheckpoint } from './drop-checkpoint.ts';
import type { SnapshotJob } from './volume-work.ts';

/** QEMU records every write into each of them; the last serves the next snapshot, the one before where that one is deleted. */
const KEPT_PER_VOLUME = 2;

/**
 * Checkpoints and bitmaps of ours that no snapshot needs any more go; nobody else's is touched. What cannot be done is done after
 * the next snapshot.
 */
export async function pruneCheckpoints(context: OperationContext, job: SnapshotJob): Promise<void> {
  try {
    const needed = await listNeeded(context, job);
    const known = await context.hypervisor.listCheckpoints(job.plan.instanceId);
    const names = new Set([...known.map(({ name }) => name), ...job.works.flatMap(({ bitmaps }) => bitmaps)]);
    for (const name of names) {
      if (!isOurCheckpoint(name) || needed.has(name)) continue;
      await tryDrop(context, job, { name, isKnown: known.some((checkpoint) => checkpoint.name === name) });
    }
  } catch (error) {
    context.log.warn({ error: String(error) }, 'old checkpoints could not be looked for');
  }
}

async function tryDrop(
  context: OperationContext,
  job: SnapshotJob,
  { name, isKnown }: { readonly name: string; readonly isKnown: boolean },
): Promise<void> {
  try {
    if (!isKnown) await takeUp(context, job, name);
    const disks = job.inspection.selection.captured;
    await dropCheckpoint(context, { instanceId: job.plan.instanceId, name, disks });
  } catch (error) {
    context.log.warn({ checkpoint: name, error: String(error) }, 'an old checkpoint could not be cleaned up');
  }
}

/** Of all volumes of the instance, since a checkpoint may be of several. */
async function listNeeded(context: OperationContext, { inspection, plan }: SnapshotJob): Promise<ReadonlySet<string>> {
  const needed = new Set(plan.checkpoint === null ? [] : [plan.checkpoint]);
  for (const { target } of inspection.description.disks) {
    const { snapshots } = await context.snapshots.list({ volume: volumeId(plan.instanceId, target) });
    const checkpoints = listParents(snapshots).flatMap(({ checkpoint }) => checkpoint ?? []);
    for (const name of checkpoints.slice(0, KEPT_PER_VOLUME)) needed.add(name);
  }
  return needed;
}

/** Only what libvirt knows can be deleted while the guest runs. */
async function takeUp(
  context: OperationContext,
  { plan, inspection, works }: SnapshotJob,
  name: string,
): Promise<void> {
  if (!isLive(plan)) return;
  const targets = works.filter(({ bitmaps }) => bitmaps.includes(name)).map(({ disk }) => disk.target);
  const allTargets = inspection.description.disks.map(({ target }) => target);
  const creationTime = Math.floor(context.clock.now().getTime() / 1000);
  const xml = buildCheckpointXml({ name, targets, allTargets, creationTime });
  await context.hypervisor.redefineCheckpoint(plan.instanceId, xml, { isValidated: true });
}
