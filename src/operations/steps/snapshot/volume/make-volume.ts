import path from 'node:path';
import type { DiskFile } from '../../../../model/ports/disk-tool.ts';
import type { SnapshotRecord } from '../../../../model/snapshot/snapshot.ts';
import type { VolumePlan } from '../../../create-volume-plan.ts';
import type { Core, OperationContext } from '../../../support/context.ts';
import { createCopyTurns } from '../../../support/copy-turns.ts';
import { throwIfCancelled } from '../../../support/patience.ts';
import { ByteProgress } from '../../byte-progress.ts';
import { guestOwnership, makeInstanceFolder } from '../../launch/instance-folder.ts';
import { addSnapshotUser, dropSnapshotUser } from '../snapshot-users.ts';
import { requireFree, volumesFolder } from './volume-path.ts';

export interface VolumeWork {
  readonly plan: VolumePlan;
  readonly format: 'qcow2' | 'raw';
  readonly snapshot: SnapshotRecord;
  readonly source: DiskFile;
}

const KIND = 'volume.create';

/** A new file with the snapshot's content, ready to be attached. It gets its name when it is whole. */
export async function makeVolume(context: OperationContext, work: VolumeWork, signal: AbortSignal): Promise<void> {
  const { plan } = work;
  const folder = path.dirname(plan.path);
  if (folder === volumesFolder(context)) await makeInstanceFolder(context, folder);
  if (plan.isThin) await addSnapshotUser(context, { ...plan, operation: { id: context.operation.id, kind: KIND } });
  await (plan.isThin ? makeOverlay(context, work, signal) : copyFlat(context, work, signal));
  await context.files.setOwnership(plan.partialPath, await guestOwnership(context));
  await context.files.sync(plan.partialPath);
  throwIfCancelled(signal);
  plan.inode = (await context.files.stat(plan.partialPath))?.inode ?? null;
  await context.operation.enter('publish', plan);
  await giveName(context, plan);
}

async function makeOverlay(
  context: OperationContext,
  { plan, source }: VolumeWork,
  signal: AbortSignal,
): Promise<void> {
  const backing: DiskFile = { path: source.path, format: 'qcow2' };
  await context.diskTool.create({ path: plan.partialPath, format: 'qcow2', backing, hasExtendedL2: true }, signal);
  context.operation.warn(
    `It stands on the store's ${source.path}. State that in the XML it is attached with, or libvirt gives the store's file away: ` +
      `<backingStore type='file'><format type='qcow2'/><source file='${source.path}'><seclabel model='dac' relabel='no'/></source></backingStore>`,
  );
}

async function copyFlat(context: OperationContext, work: VolumeWork, signal: AbortSignal): Promise<void> {
  const { plan, format, snapshot, source } = work;
  const progress = new ByteProgress(context.operation, snapshot.logicalBytes);
  const began = context.clock.monotonicMs();
  const turns = createCopyTurns(context, { step: 'make volume', signal });
  await turns.take(() =>
    context.diskTool.convert(
      {
        source,
        target: { path: plan.partialPath, format },
        bandwidthBytesPerSecond: context.settings.copyBandwidthBytesPerSecond,
        onProgress: (fraction) => progress.at(fraction * snapshot.logicalBytes),
      },
      signal,
    ),
  );
  context.operation.addTiming('copyMs', context.clock.monotonicMs() - began);
}

/** By a link, which overwrites nothing; where there are none, by a rename after a look. */
async function giveName(context: OperationContext, plan: VolumePlan): Promise<void> {
  const { files } = context;
  const isLinked = await files.tryLink(plan.partialPath, plan.path).catch(async (error: unknown) => {
    await requireFree(context, plan.path);
    throw error;
  });
  if (isLinked) {
    await files.remove(plan.partialPath);
  } else {
    await requireFree(context, plan.path);
    await files.rename(plan.partialPath, plan.path);
  }
  await files.sync(path.dirname(plan.path));
}

/** Whether the file under its name is the one that was made. */
export async function isNamed(core: Core, { path: file, inode }: VolumePlan): Promise<boolean> {
  return inode !== null && (await core.files.stat(file))?.inode === inode;
}

/** Removes all that was made of it, and nothing else. Idempotent. */
export async function undoVolume(core: Core, plan: VolumePlan, operationId: string): Promise<void> {
  if (await isNamed(core, plan)) await core.files.remove(plan.path);
  await core.files.remove(plan.partialPath);
  if (plan.isThin) await dropSnapshotUser(core, { ...plan, operation: { id: operationId, kind: KIND } });
}
