import { newUuid } from '../../../../lib/uuid.ts';
import { DarkroomError, hasCode } from '../../../../model/errors.ts';
import { checkpointName } from '../../../../model/snapshot/checkpoint-name.ts';
import type { CreateSnapshotRequest } from '../../../../model/snapshot/requests.ts';
import type { SnapshotRecord } from '../../../../model/snapshot/snapshot.ts';
import { differencesPath, stagingPath } from '../../../../model/snapshot/staging-name.ts';
import { NO_CAPTURE_TIMINGS } from '../../../../model/timings.ts';
import type { SnapshotPlan } from '../../../snapshot-plan.ts';
import type { OperationContext } from '../../../support/context.ts';
import { throwIfCancelled } from '../../../support/patience.ts';
import { takeSlot } from '../../../support/slots.ts';
import { type Inspection, inspectInstance } from '../../capture/inspect-instance.ts';
import { isLive } from '../../capture/look-at-domain.ts';
import { planBesideDisk } from '../../capture/overlay-place.ts';
import { probeConsistency } from '../../capture/take-point-in-time.ts';
import { undoAndSettle } from '../../undo-and-settle.ts';
import { volumeId } from '../../volume-id.ts';
import { fillExclusive } from '../fill-exclusive.ts';
import { settleRewrites } from '../settle-rewrites.ts';
import { claimVolume } from '../volume-claim.ts';
import { planVolumes } from './plan-volumes.ts';
import { pruneCheckpoints } from './prune-checkpoints.ts';
import { publishSnapshots } from './publish-snapshots.ts';
import { refuseWithoutRoom } from './refuse-without-room.ts';
import { stageLive } from './stage-live.ts';
import { announceBitmaps, stageOffline } from './stage-offline.ts';
import { undoSnapshot } from './undo-snapshot.ts';
import type { SnapshotJob } from './volume-work.ts';

export interface SnapshotWish {
  readonly request: CreateSnapshotRequest;
  readonly instanceId: string;
  readonly targets: readonly string[];
}

/**
 * Snapshots of disks of one instance at one instant. The operation is settled when it returns, unless a thaw was never confirmed:
 * recovery asks that guest again.
 */
export async function takeSnapshotOf(
  context: OperationContext,
  wish: SnapshotWish,
  signal: AbortSignal,
): Promise<readonly SnapshotRecord[]> {
  await using _capture = await takeSlot(context, 'capture', signal);
  await using _copy = await takeSlot(context, 'copy', signal);
  try {
    return await attempt(context, wish, { isWithoutBitmaps: false }, signal);
  } catch (error) {
    // a bitmap that broke in the very last moment
    if (!hasCode(error, 'CHECKPOINT_INCONSISTENT') || !context.operation.isSettled) throw error;
    context.log.warn({ error: error.message }, 'a bitmap could not be used after all');
    return await attempt(context, wish, { isWithoutBitmaps: true }, signal);
  }
}

interface Attempt {
  readonly isWithoutBitmaps: boolean;
}

async function attempt(
  context: OperationContext,
  { request, instanceId, targets }: SnapshotWish,
  { isWithoutBitmaps }: Attempt,
  signal: AbortSignal,
): Promise<readonly SnapshotRecord[]> {
  const inspection = await inspectInstance(context, instanceId, { signal, only: targets });
  requireWhole(inspection, targets);
  const agent = await probeConsistency(context, inspection, request.consistency);
  const plan = planSnapshot(context, inspection);
  context.operation.addTimings(NO_CAPTURE_TIMINGS);
  await context.operation.enter('prepare', plan);
  try {
    for (const { volume } of plan.disks) await takeVolume(context, volume);
    const works = await planVolumes(context, inspection, { request, isWithoutBitmaps }, signal);
    await refuseWithoutRoom(context, inspection, works);
    const job: SnapshotJob = { request, inspection, agent, works, plan };
    const records = await make(context, job, signal);
    for (const note of await undoSnapshot(context, plan, context.operation.id)) context.operation.warn(note);
    // a thaw that nobody confirmed is all that can be left here
    await (plan.mayBeFrozen ? context.operation.enter('published', plan) : context.operation.settle('published'));
    return records;
  } catch (error) {
    await undoAndSettle(context, () => undoNow(context, plan));
    throw error;
  }
}

async function takeVolume(context: OperationContext, volume: string): Promise<void> {
  await context.snapshots.assertWritable(volume);
  await claimVolume(context, volume, { id: context.operation.id, kind: 'snapshot.create' });
  await settleRewrites(context, volume);
}

async function make(context: OperationContext, job: SnapshotJob, signal: AbortSignal): Promise<SnapshotRecord[]> {
  const { plan } = job;
  const staged = isLive(plan) ? await stageLive(context, job, signal) : await stageOffline(context, job, signal);
  throwIfCancelled(signal);
  await context.operation.enter('publish', plan);
  const records = await publishSnapshots(context, job, staged, signal);
  plan.isPublished = true;
  await context.operation.enter('clean up', plan);
  if (!isLive(plan)) await tryAnnounceBitmaps(context, job);
  // alone: bitmaps of a disk whose removal is cut off cost the next snapshot a comparison
  await pruneCheckpoints(context, job);
  for (const { volume } of plan.disks) await fillExclusive(context, volume);
  return records;
}

/** The bitmaps are in the disks: where libvirt does not learn of them now, it does before the next snapshot. */
async function tryAnnounceBitmaps(context: OperationContext, job: SnapshotJob): Promise<void> {
  try {
    await announceBitmaps(context, job);
  } catch (error) {
    context.log.warn({ error: String(error) }, 'libvirt was not told of new bitmaps');
  }
}

async function undoNow(context: OperationContext, plan: SnapshotPlan): Promise<void> {
  await context.operation.enter('undo', plan);
  for (const note of await undoSnapshot(context, plan, context.operation.id)) context.operation.warn(note);
  if (!plan.mayBeFrozen) return;
  throw new DarkroomError('AGENT_UNRESPONSIVE', `The thaw of ${plan.instanceName} is not confirmed.`);
}

/** What can be no part of an image can be no snapshot either. */
function requireWhole({ domain, selection }: Inspection, targets: readonly string[]): void {
  const left = targets.find((target) => !selection.captured.some((disk) => disk.target === target));
  if (left === undefined) return;
  throw new DarkroomError(
    'DISK_UNSUPPORTED',
    `Of disk ${left} of ${domain.name} no snapshot can be made: it is no writable disk of its own.`,
    { fields: { instanceId: domain.uuid, target: left } },
  );
}

/** A suspended guest's disks are left as they are, since its saved memory goes with just that state of them. */
function planSnapshot(context: OperationContext, { domain, powerState, selection }: Inspection): SnapshotPlan {
  const hasQemu = isLive({ powerState });
  const bitmapTargets = powerState === 'suspended' ? [] : selection.captured.filter(({ format }) => format === 'qcow2');
  return {
    version: 1,
    instanceId: domain.uuid,
    instanceName: domain.name,
    powerState,
    disks: selection.captured.map((disk) => ({
      ...disk,
      volume: volumeId(domain.uuid, disk.target),
      snapshotId: newUuid(),
      stagingPath: hasQemu ? planBesideDisk(context, disk, stagingPath) : null,
      differencesPath: planBesideDisk(context, disk, differencesPath),
    })),
    checkpoint: bitmapTargets.length === 0 ? null : checkpointName(context.operation.id),
    bitmapTargets: bitmapTargets.map(({ target }) => target),
    mayBeFrozen: false,
    mayBePaused: false,
    mayBeCopying: false,
    isPublished: false,
  };
}
