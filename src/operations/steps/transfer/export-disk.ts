import { DarkroomError } from '../../../model/errors.ts';
import type { DiskFormat, Image, ImageDisk } from '../../../model/image.ts';
import type { DiskFile } from '../../../model/ports/disk-tool.ts';
import type { OperationContext } from '../../support/context.ts';
import { createCopyTurns } from '../../support/copy-turns.ts';
import type { ByteProgress } from '../byte-progress.ts';
import { imageDisk } from '../encrypted-image.ts';
import { fetchStraight } from '../store/fetch-straight.ts';
import { requireSum } from '../store/require-sum.ts';

export interface DiskExport {
  readonly image: Image;
  readonly disk: ImageDisk;
  /** Must not exist. */
  readonly target: string;
  /** null: as it is in the store. What is encrypted there is not here. */
  readonly format: DiskFormat | null;
  readonly progress: ByteProgress;
}

/** What was written, read again: equal to what is in the store, and on the disk for good. */
export type ExportedDisk = Pick<ImageDisk, 'format' | 'sizeBytes'> & { readonly sha256: string };

/** IMAGE_DAMAGED when the store does not hold what its manifest says, COPY_FAILED when the copy is not the same. */
export async function exportDisk(
  context: OperationContext,
  work: DiskExport,
  signal: AbortSignal,
): Promise<ExportedDisk> {
  const format = work.format ?? work.disk.format;
  const isAsStored = isExportedAsStored(work.image, work.disk, work.format);
  const fetched = isAsStored ? await fetchOut(context, work, signal) : null;
  const sha256 = fetched ?? (await writeOut(context, { ...work, format, isAsStored }, signal));
  const stat = await context.files.stat(work.target);
  return { format, sha256, sizeBytes: stat?.sizeBytes ?? 0 };
}

/** Byte by byte; what is encrypted in the store is not outside of it. */
export function isExportedAsStored(image: Image, disk: ImageDisk, wanted: DiskFormat | null): boolean {
  return (wanted ?? disk.format) === disk.format && !image.isEncrypted;
}

/** Straight from a store elsewhere; null where its content is on this host. */
async function fetchOut(context: OperationContext, work: DiskExport, signal: AbortSignal): Promise<string | null> {
  const { image, disk, target, progress } = work;
  const onBytes = (bytes: number): void => progress.at(2 * bytes);
  const fetch = { source: context.store, image, file: disk, target, onBytes };
  const sha256 = await fetchStraight(context, fetch, signal);
  if (sha256 === null) return null;
  progress.endStage(2 * disk.sizeBytes);
  return sha256;
}

async function writeOut(
  context: OperationContext,
  work: DiskExport & Pick<PlacedExport, 'format' | 'isAsStored'>,
  signal: AbortSignal,
): Promise<string> {
  const placed = { ...work, source: await imageDisk(context, work.image, work.disk, { signal }) };
  if (work.isAsStored) await copyAsIs(context, placed, signal);
  else await convert(context, placed, signal);
  await context.files.setOwnership(work.target, { mode: 0o600 });
  await context.files.sync(work.target);
  work.progress.endStage(work.disk.sizeBytes);
  const sha256 = await verifyCopy(context, placed, signal);
  work.progress.endStage(work.disk.sizeBytes);
  return sha256;
}

interface PlacedExport extends DiskExport {
  readonly source: DiskFile;
  readonly format: DiskFormat;
  /** Byte by byte. */
  readonly isAsStored: boolean;
}

async function copyAsIs(context: OperationContext, work: PlacedExport, signal: AbortSignal): Promise<void> {
  if (await context.files.tryClone(work.source.path, work.target)) return;
  const turns = createCopyTurns(context, { step: 'write', signal });
  await turns.take(() =>
    context.files.copy(work.source.path, work.target, {
      signal,
      bandwidthBytesPerSecond: context.settings.copyBandwidthBytesPerSecond,
      onBytes: (bytes) => work.progress.at(bytes),
    }),
  );
}

async function convert(context: OperationContext, work: PlacedExport, signal: AbortSignal): Promise<void> {
  const turns = createCopyTurns(context, { step: 'write', signal });
  await turns.take(() =>
    context.diskTool.convert(
      {
        source: work.source,
        target: { path: work.target, format: work.format },
        bandwidthBytesPerSecond: context.settings.copyBandwidthBytesPerSecond,
        onProgress: (fraction) => work.progress.at(fraction * work.disk.sizeBytes),
      },
      signal,
    ),
  );
}

async function verifyCopy(context: OperationContext, work: PlacedExport, signal: AbortSignal): Promise<string> {
  const { disk, source } = work;
  const sha256 = await context.files.hash(work.target, { signal, onBytes: (bytes) => work.progress.at(bytes) });
  if (!work.isAsStored) {
    const isSame = await context.diskTool.compare(source, { path: work.target, format: work.format }, signal);
    if (!isSame) throw notTheSame(work, 'its content differs');
    return sha256;
  }
  const expected = disk.sha256 ?? (await context.files.hash(source.path, { signal }));
  if (sha256 === expected) return sha256;
  if ((await context.files.hash(source.path, { signal })) === sha256)
    requireSum(work.image, { file: disk.file, sha256: expected }, sha256);
  throw notTheSame(work, `its SHA-256 is ${sha256} instead of ${expected}`);
}

function notTheSame(work: PlacedExport, reason: string): DarkroomError {
  return new DarkroomError(
    'COPY_FAILED',
    `The exported disk ${work.disk.target} is not what the store holds: ${reason}. Look at the storage of ${work.target}.`,
    { fields: { imageId: work.image.id, target: work.disk.target } },
  );
}
