import { DarkroomError } from '../../../../model/errors.ts';
import type { BackupRequest } from '../../../../model/ports/hypervisor.ts';
import type { OperationContext } from '../../../support/context.ts';
import { throwIfCancelled } from '../../../support/patience.ts';
import { ensureOverlayFolder } from '../../capture/overlay-place.ts';
import { takePointInTime } from '../../capture/take-point-in-time.ts';
import { awaitBackup } from './await-backup.ts';
import { LEEWAY_BYTES, reserveRoom } from './reserve-room.ts';
import { parentFromStart, type SnapshotJob, type StagedLayers, type VolumeWork } from './volume-work.ts';

/**
 * One instant for all disks of a guest that runs, by one backup job. QEMU writes beside the disks and never to the store, which may
 * be slow, far or full: a guest waits for that writing where it overwrites what is not saved yet.
 */
export async function stageLive(
  context: OperationContext,
  job: SnapshotJob,
  signal: AbortSignal,
): Promise<StagedLayers> {
  const { plan, inspection, agent, request } = job;
  await context.operation.enter('make room', plan);
  const watched: string[] = [];
  // of a job before this one, which must not be taken for this one's
  const forgetting = context.hypervisor.takeBackupOutcome(plan.instanceId);
  forgetting.catch(() => undefined);
  for (const work of job.works) watched.push(...(await prepareStaging(context, job, work, signal)));
  await forgetting;
  throwIfCancelled(signal);
  plan.mayBeCopying = true;
  let takenAt = '';
  const takeInstant = async (): Promise<void> => {
    const started = context.clock.monotonicMs();
    await context.hypervisor.beginBackup(plan.instanceId, describeBackup(job));
    takenAt = context.clock.now().toISOString();
    context.operation.addTiming('snapshotCallMs', context.clock.monotonicMs() - started);
  };
  const work = { context, plan, inspection, requested: request.consistency, takeInstant };
  const { consistency } = await takePointInTime(work, agent);
  const { freezeMs, pauseMs } = consistency;
  context.operation.addTimings({ freezeMs, pauseMs });
  const started = context.clock.monotonicMs();
  await context.operation.enter('copy', plan);
  await extendRoom(context, job, signal);
  await awaitBackup(context, plan, { signal, watched });
  plan.mayBeCopying = false;
  context.operation.addTiming('copyMs', context.clock.monotonicMs() - started);
  return { layers: await collectLayers(context, job), consistency, takenAt };
}

/** Answers what must be watched, since no room could be reserved for it. */
async function prepareStaging(
  context: OperationContext,
  job: SnapshotJob,
  work: VolumeWork,
  signal: AbortSignal,
): Promise<string[]> {
  const { disk, logicalBytes, expectedBytes } = work;
  const backingName = parentFromStart(job, work);
  const path = stagingOf(job, disk.target);
  await ensureOverlayFolder(context, disk);
  await context.diskTool.create(
    { path, format: 'qcow2', virtualSizeBytes: logicalBytes, ...(backingName === null ? {} : { backingName }) },
    signal,
  );
  return (await reserveRoom(context, path, { dataBytes: expectedBytes ?? logicalBytes, logicalBytes })) ? [] : [path];
}

function describeBackup(job: SnapshotJob): BackupRequest {
  const { works, plan } = job;
  return {
    disks: works.map(({ disk, choice }) => ({
      target: disk.target,
      path: stagingOf(job, disk.target),
      incremental: choice.method === 'bitmap' ? choice.bitmap : null,
    })),
    checkpoint: plan.checkpoint === null ? null : { name: plan.checkpoint, targets: plan.bitmapTargets },
  };
}

/** What the guest wrote between the look at its disks and the instant is known only now. */
async function extendRoom(context: OperationContext, job: SnapshotJob, signal: AbortSignal): Promise<void> {
  for (const work of job.works) {
    if (work.choice.method === 'bitmap') continue;
    await extendFile(context, job, work, await context.diskTool.measure(work.disk, 'qcow2', signal));
  }
  const increments = job.works.filter(({ choice }) => choice.method === 'bitmap');
  const backup =
    increments.length === job.works.length ? await context.hypervisor.getBackup(job.plan.instanceId) : null;
  if (backup === null) return;
  for (const work of increments) await extendFile(context, job, work, backup.total);
}

async function extendFile(
  context: OperationContext,
  job: SnapshotJob,
  { disk, expectedBytes, logicalBytes }: VolumeWork,
  dataBytes: number,
): Promise<void> {
  if (dataBytes <= (expectedBytes ?? logicalBytes) + LEEWAY_BYTES) return;
  await reserveRoom(context, stagingOf(job, disk.target), { dataBytes, logicalBytes });
}

async function collectLayers(context: OperationContext, job: SnapshotJob): Promise<ReadonlyMap<string, string>> {
  const layers = new Map<string, string>();
  for (const { disk } of job.works) {
    const path = stagingOf(job, disk.target);
    await context.files.releaseReserve(path);
    layers.set(disk.target, path);
  }
  return layers;
}

function stagingOf({ plan }: Pick<SnapshotJob, 'plan'>, target: string): string {
  const path = plan.disks.find((disk) => disk.target === target)?.stagingPath ?? null;
  if (path === null) throw new DarkroomError('INTERNAL', `no place is planned for the snapshot of ${target}`);
  return path;
}
