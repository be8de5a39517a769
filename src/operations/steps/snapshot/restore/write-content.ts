import { DarkroomError } from '../../../../model/errors.ts';
import type { DiskFile } from '../../../../model/ports/disk-tool.ts';
import type { SnapshotRecord } from '../../../../model/snapshot/snapshot.ts';
import type { RestorePlan } from '../../../restore-snapshot-plan.ts';
import type { OperationContext } from '../../../support/context.ts';
import { createCopyTurns } from '../../../support/copy-turns.ts';
import { throwIfCancelled } from '../../../support/patience.ts';
import { ByteProgress } from '../../byte-progress.ts';
import type { RestorePlace } from './require-restorable.ts';

export interface RestoreWork {
  readonly plan: RestorePlan;
  readonly place: RestorePlace;
  readonly snapshot: SnapshotRecord;
  readonly source: DiskFile;
}

/** The snapshot's content as a disk of its own beside the volume, read again, with a fresh bitmap, ready to take its place. */
export async function writeContent(context: OperationContext, work: RestoreWork, signal: AbortSignal): Promise<void> {
  const { plan, place, source } = work;
  const disk: DiskFile = { path: plan.newPath, format: place.format };
  await copy(context, { ...work, disk }, signal);
  await context.operation.announce('verify copy');
  await requireSame(context, { source, disk }, signal);
  if (plan.checkpoint !== null) await context.diskTool.addBitmap(disk, plan.checkpoint, signal);
  await context.files.setOwnership(disk.path, place.ownership);
  await context.files.sync(disk.path);
  throwIfCancelled(signal);
}

async function copy(
  context: OperationContext,
  work: RestoreWork & { readonly disk: DiskFile },
  signal: AbortSignal,
): Promise<void> {
  const { snapshot, source, disk } = work;
  const progress = new ByteProgress(context.operation, snapshot.logicalBytes);
  const began = context.clock.monotonicMs();
  const turns = createCopyTurns(context, { step: 'restore', signal });
  await turns.take(() =>
    context.diskTool.convert(
      {
        source,
        target: disk,
        bandwidthBytesPerSecond: context.settings.copyBandwidthBytesPerSecond,
        onProgress: (fraction) => progress.at(fraction * snapshot.logicalBytes),
      },
      signal,
    ),
  );
  context.operation.addTiming('copyMs', context.clock.monotonicMs() - began);
}

async function requireSame(
  context: OperationContext,
  { source, disk }: { readonly source: DiskFile; readonly disk: DiskFile },
  signal: AbortSignal,
): Promise<void> {
  const began = context.clock.monotonicMs();
  const isSame = await context.diskTool.compare(source, disk, signal);
  const isSound = disk.format === 'raw' || (await context.diskTool.check(disk, signal)).isSound;
  context.operation.addTiming('verifyMs', context.clock.monotonicMs() - began);
  if (isSame && isSound) return;
  throw new DarkroomError(
    'COPY_FAILED',
    `The restored volume is not what the snapshot holds: ${isSame ? 'qemu-img check finds errors in it' : 'its content differs'}. ` +
      `Look at the storage of ${disk.path}.`,
    { fields: { path: disk.path } },
  );
}
