import type { Consistency } from '../../../../model/consistency.ts';
import { buildCheckpointXml } from '../../../../model/domain-xml/checkpoint-xml.ts';
import type { DiskKey } from '../../../../model/ports/key-source.ts';
import type { OperationContext } from '../../../support/context.ts';
import { holdDisks } from '../../capture/hold-disks.ts';
import { ensureOverlayFolder } from '../../capture/overlay-place.ts';
import { findDifferences } from './find-differences.ts';
import type { SnapshotJob, StagedLayers, VolumeWork } from './volume-work.ts';

/** Nobody can start the guest while its disks are read: QEMU's own lock stands against it. */
export async function stageOffline(
  context: OperationContext,
  job: SnapshotJob,
  signal: AbortSignal,
): Promise<StagedLayers> {
  const { plan, works, inspection } = job;
  // first: what a guest writes that is started in between is recorded, and perhaps read as well
  await beginBitmaps(context, job, signal);
  await using _held = await holdDisks(
    context,
    works.map(({ disk }) => disk),
  );
  await context.operation.enter('copy', plan);
  const started = context.clock.monotonicMs();
  const takenAt = context.clock.now().toISOString();
  const key = job.request.isEncrypted ? await context.keys.read() : null;
  const layers = new Map<string, string>();
  for (const work of works) layers.set(work.disk.target, await stageDisk(context, job, { work, key }, signal));
  context.operation.addTiming('copyMs', context.clock.monotonicMs() - started);
  return { layers, takenAt, consistency: judge(job, inspection.powerState) };
}

function judge({ request }: SnapshotJob, powerState: string): Consistency {
  const base = { requested: request.consistency, freezeMs: 0, pauseMs: 0 };
  if (powerState !== 'suspended') return { ...base, achieved: 'offline' };
  return { ...base, achieved: 'crash', reason: 'the guest is suspended, and its memory is not in the snapshot' };
}

/** A disk whose bitmap cannot be begun is compared the next time. */
async function beginBitmaps(
  context: OperationContext,
  { plan, works }: SnapshotJob,
  signal: AbortSignal,
): Promise<void> {
  const { checkpoint } = plan;
  if (checkpoint === null) return;
  await context.operation.enter('begin bitmaps', plan);
  for (const { disk } of works.filter(({ disk: { target } }) => plan.bitmapTargets.includes(target))) {
    try {
      await context.diskTool.addBitmap(disk, checkpoint, signal);
    } catch (error) {
      plan.bitmapTargets = plan.bitmapTargets.filter((target) => target !== disk.target);
      context.operation.warn(`No bitmap could be begun in ${disk.path}: ${String(error)}`);
    }
  }
}

/** libvirt learns of the bitmaps, which it takes up when the guest starts. */
export async function announceBitmaps(context: OperationContext, { plan, inspection }: SnapshotJob): Promise<void> {
  if (plan.checkpoint === null || plan.bitmapTargets.length === 0) return;
  const xml = buildCheckpointXml({
    name: plan.checkpoint,
    targets: plan.bitmapTargets,
    allTargets: inspection.description.disks.map(({ target }) => target),
    creationTime: Math.floor(context.clock.now().getTime() / 1000),
  });
  await context.hypervisor.redefineCheckpoint(plan.instanceId, xml);
}

async function stageDisk(
  context: OperationContext,
  job: SnapshotJob,
  { work, key }: { readonly work: VolumeWork; readonly key: DiskKey | null },
  signal: AbortSignal,
): Promise<string> {
  const { disk, choice, logicalBytes } = work;
  const planned = job.plan.disks.find(({ target }) => target === disk.target);
  if (planned === undefined) throw new Error(`no place is planned for ${disk.target}`);
  const draftPath = context.snapshots.draft({ id: planned.snapshotId, volume: work.volume }, context.operation.id).path;
  // what is to be encrypted never lies in the store as it is
  const isPlain = key === null && !job.request.isCompressed;
  if (!isPlain) await ensureOverlayFolder(context, disk);
  const path = isPlain ? draftPath : planned.differencesPath;
  const report = reportFraction(context, logicalBytes);
  switch (choice.method) {
    case 'full':
      await context.diskTool.convert(
        {
          source: disk,
          target: { path: draftPath, format: 'qcow2', ...(key === null ? {} : { key }) },
          ...(job.request.isCompressed ? { compression: 'zstd' } : {}),
          bandwidthBytesPerSecond: context.settings.copyBandwidthBytesPerSecond,
          onProgress: report,
        },
        signal,
      );
      return draftPath;
    case 'bitmap':
      await context.diskTool.create({ path, format: 'qcow2', virtualSizeBytes: logicalBytes }, signal);
      await context.diskTool.copyDirty(
        { source: disk, bitmap: choice.bitmap, target: { path, format: 'qcow2' }, onProgress: report },
        signal,
      );
      return path;
    case 'compare':
      await findDifferences(context, { source: disk, parent: choice.parent, path }, signal);
      return path;
    default:
      return choice satisfies never;
  }
}

function reportFraction(context: OperationContext, total: number): (fraction: number) => void {
  return (fraction) => {
    const done = Math.round(fraction * total);
    context.operation
      .report({ done, total, unit: 'bytes' })
      .catch((error: unknown) => context.log.warn({ error: String(error) }, 'progress was not recorded'));
  };
}
