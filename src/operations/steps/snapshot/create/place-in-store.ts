import { DarkroomError } from '../../../../model/errors.ts';
import type { DiskFile } from '../../../../model/ports/disk-tool.ts';
import type { DiskKey } from '../../../../model/ports/key-source.ts';
import type { SnapshotFileDraft } from '../../../../model/ports/snapshot-store.ts';
import type { SnapshotRecord } from '../../../../model/snapshot/snapshot.ts';
import type { SnapshotPlanDisk } from '../../../snapshot-plan.ts';
import type { OperationContext } from '../../../support/context.ts';
import { TransferProgress } from '../../store/transfer-progress.ts';
import { snapshotDisk } from '../read-source.ts';
import { findDifferences } from './find-differences.ts';
import { parentFileName, parentFromStart, type SnapshotJob, type VolumeWork } from './volume-work.ts';

export interface PlacedFile {
  readonly sizeBytes: number;
  readonly storedBytes: number;
  readonly sha256: string;
}

export interface Placing {
  readonly job: SnapshotJob;
  readonly work: VolumeWork;
  readonly disk: SnapshotPlanDisk;
  /** Path of what was staged. */
  readonly layer: string;
}

/** A staged layer becomes the snapshot's file: over its parent, encoded as asked for, checked, hashed, under its name. */
export async function placeInStore(
  context: OperationContext,
  placing: Placing,
  signal: AbortSignal,
): Promise<PlacedFile> {
  const { job, work, disk } = placing;
  const draft = context.snapshots.draft({ id: disk.snapshotId, volume: work.volume }, context.operation.id);
  const parent = work.choice.method === 'full' ? null : work.choice.parent;
  const key = job.request.isEncrypted ? await context.keys.read() : null;
  const layer = await compareIfLive(context, placing, signal);
  await encode(context, { placing: { ...placing, layer }, draft, parent, key }, signal);
  const final: DiskFile = { path: draft.path, format: 'qcow2', ...(key === null ? {} : { key }) };
  if (parent !== null) await standOn(context, { ...placing, final, parent }, signal);
  const sha256 = await readAgain(context, final, signal);
  const sealed = await draft.seal();
  const onBytes = new TransferProgress(context, 'upload').addFile(sealed.sizeBytes);
  await draft.moveIn({ signal, onBytes });
  return { ...sealed, sha256 };
}

/** A guest that runs gave all its blocks where it had no bitmap; those that the parent has too are left out here. */
async function compareIfLive(
  context: OperationContext,
  { work, disk, layer }: Placing,
  signal: AbortSignal,
): Promise<string> {
  if (work.choice.method !== 'compare' || disk.stagingPath === null) return layer;
  const source: DiskFile = { path: layer, format: 'qcow2' };
  await findDifferences(context, { source, parent: work.choice.parent, path: disk.differencesPath }, signal);
  await context.files.remove(layer);
  return disk.differencesPath;
}

interface Encoding {
  readonly placing: Placing;
  readonly draft: SnapshotFileDraft;
  readonly parent: SnapshotRecord | null;
  readonly key: DiskKey | null;
}

async function encode(
  context: OperationContext,
  { placing, draft, parent, key }: Encoding,
  signal: AbortSignal,
): Promise<void> {
  const { layer, job } = placing;
  if (layer === draft.path) return;
  if (key === null && !job.request.isCompressed) {
    await moveFile(context, { from: layer, to: draft.path }, signal);
    return;
  }
  const source: DiskFile = { path: layer, format: 'qcow2', ...(key === null ? {} : { key }) };
  const backing = parent === null ? null : await snapshotDisk(context, parent, { signal });
  await context.diskTool.convert(
    {
      source,
      target: { path: draft.path, format: 'qcow2', ...(key === null ? {} : { key }) },
      ...(backing === null ? {} : { backing }),
      ...(job.request.isCompressed ? { compression: 'zstd' } : {}),
      bandwidthBytesPerSecond: context.settings.copyBandwidthBytesPerSecond,
    },
    signal,
  );
  await context.files.remove(layer);
}

/** The store may lie on another file system. */
async function moveFile(
  context: OperationContext,
  { from, to }: { readonly from: string; readonly to: string },
  signal: AbortSignal,
): Promise<void> {
  try {
    await context.files.rename(from, to);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EXDEV')) throw error;
    const bandwidthBytesPerSecond = context.settings.copyBandwidthBytesPerSecond;
    await context.files.copy(from, to, { signal, bandwidthBytesPerSecond });
    await context.files.remove(from);
  }
}

interface Standing extends Placing {
  readonly final: DiskFile;
  readonly parent: SnapshotRecord;
}

/** What it stands on is not opened, and need not be here. */
async function standOn(
  context: OperationContext,
  { job, work, final, parent }: Standing,
  signal: AbortSignal,
): Promise<void> {
  const backingName = parentFileName(parent);
  const isNamed =
    parentFromStart(job, work) !== null && (await context.diskTool.readBackingName(final.path)) === backingName;
  if (isNamed) return;
  const backing: DiskFile = { path: context.snapshots.filePath(parent), format: 'qcow2' };
  await context.diskTool.rebase(final, { backing, isUnsafe: true, backingName }, signal);
}

/** Its SHA-256. What takes part in that neither waits for the other: the storage, the processor, a process. */
async function readAgain(context: OperationContext, final: DiskFile, signal: AbortSignal): Promise<string> {
  const [sha256] = await Promise.all([
    context.files.hash(final.path, { signal }),
    requireSound(context, final, signal),
    // written by then, it has little to wait for when it is sealed
    context.files.sync(final.path),
  ]);
  return sha256;
}

async function requireSound(context: OperationContext, disk: DiskFile, signal: AbortSignal): Promise<void> {
  const { isSound, corruptions, checkErrors } = await context.diskTool.check(disk, signal);
  if (isSound) return;
  throw new DarkroomError(
    'COPY_FAILED',
    `The file of the snapshot is damaged: qemu-img check found ${corruptions} corruptions and ${checkErrors} errors in ${disk.path}. ` +
      "Look at the volume with qemu-img check, and at the host's storage.",
    { fields: { path: disk.path, corruptions, checkErrors } },
  );
}
