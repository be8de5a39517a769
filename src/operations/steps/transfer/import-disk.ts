import { importedTarget } from '../../../model/domain-xml/imported-domain.ts';
import type { ImageDisk } from '../../../model/image.ts';
import { minDiskGiB } from '../../../model/image-rules.ts';
import type { DiskFileInfo } from '../../../model/ports/disk-tool.ts';
import type { HeldFile } from '../../../model/ports/host.ts';
import type { ImageDraft } from '../../../model/ports/image-store.ts';
import type { ImportImageRequest } from '../../../model/requests.ts';
import type { OperationContext } from '../../support/context.ts';
import { createCopyTurns } from '../../support/copy-turns.ts';
import { ByteProgress } from '../byte-progress.ts';
import { checkSpace } from '../check-space.ts';
import { finishDisk } from '../finish-disk.ts';
import type { NewImage } from '../publish-image.ts';
import { TransferProgress } from '../store/transfer-progress.ts';
import { detectFormat, inspectDisk, requireHarmlessHeader } from './inspect-source.ts';
import { type TakenDisk, takeIn } from './take-in.ts';

interface ImportWork {
  readonly request: ImportImageRequest;
  readonly source: HeldFile;
  readonly draft: ImageDraft;
}

/** One disk file becomes the one disk of an image: flat qcow2, whatever it was. */
export async function importDisk(context: OperationContext, work: ImportWork, signal: AbortSignal): Promise<NewImage> {
  const { request, source } = work;
  const disk = await takeDisk(context, work, signal);
  context.log.info({ path: source.realPath, target: disk.target }, 'disk taken in');
  return {
    name: request.name,
    description: request.description,
    disks: [disk],
    minDiskGiB: minDiskGiB([disk], null),
    minMemoryMiB: 0,
    consistency: null,
    instanceOwner: null,
    skippedDisks: [],
    nvram: null,
    tpm: [],
    properties: importedProperties(request.properties),
  };
}

export function importedProperties(stated: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const kept = Object.entries(stated).filter(([, value]) => value !== '');
  return { ...Object.fromEntries(kept), image_type: 'imported', image_location: 'imported' };
}

async function takeDisk(context: OperationContext, work: ImportWork, signal: AbortSignal): Promise<ImageDisk> {
  const { request, source, draft } = work;
  const target = importedTarget(request.properties, 0);
  const file = `disk-${target}.qcow2`;
  const format = await detectFormat(source, { name: request.path, stated: request.format });
  const disk = { name: request.path, held: source, format };
  await requireHarmlessHeader(disk);
  await using taken = await takeIn(context, { draft, source: disk }, signal);
  const inspected = { ...disk, held: taken.held };
  await context.operation.announce('inspect');
  const info = await inspectDisk(context, inspected, signal);
  if (info.internalSnapshotCount > 0) {
    context.operation.warn(
      `The ${info.internalSnapshotCount} internal snapshots of ${request.path} are not in the image.`,
    );
  }
  const upload = new TransferProgress(context, 'upload');
  const written = { file, target, format: 'qcow2', upload } as const;
  if (format === 'qcow2' && isReadyMade(info, taken)) {
    await context.files.rename(taken.stagedPath, draft.path(file));
    return await finishDisk(context, draft, { ...written, isCopied: false }, signal);
  }
  const progress = await copyFlat(context, { inspected, target: draft.path(file) }, signal);
  if (taken.stagedPath !== null) await context.files.remove(taken.stagedPath);
  await context.operation.announce('verify copy');
  return await finishDisk(
    context,
    draft,
    { ...written, isCopied: true, onHashed: (bytes) => progress.at(bytes) },
    signal,
  );
}

/** A clone that holds nothing an image does not. */
function isReadyMade(info: DiskFileInfo, taken: TakenDisk): taken is TakenDisk & { readonly stagedPath: string } {
  const isClean = info.internalSnapshotCount === 0 && info.bitmaps.length === 0 && !info.isDirty;
  return isClean && taken.isClone && taken.stagedPath !== null;
}

async function copyFlat(
  context: OperationContext,
  copy: {
    readonly inspected: { readonly held: HeldFile; readonly format: ImportImageRequest['format'] & string };
    readonly target: string;
  },
  signal: AbortSignal,
): Promise<ByteProgress> {
  const source = { path: copy.inspected.held.heldPath, format: copy.inspected.format };
  const bytes = await context.diskTool.measure(source, 'qcow2', signal);
  await checkSpace(context, [{ path: copy.target, bytes, what: 'the image' }]);
  await context.operation.announce('copy');
  // written once and read once
  const progress = new ByteProgress(context.operation, 2 * bytes);
  const onProgress = (fraction: number): void => progress.at(fraction * bytes);
  const { copyBandwidthBytesPerSecond: bandwidthBytesPerSecond } = context.settings;
  const target = { path: copy.target, format: 'qcow2' } as const;
  const turns = createCopyTurns(context, { step: 'copy', signal });
  await turns.take(() => context.diskTool.convert({ source, target, bandwidthBytesPerSecond, onProgress }, signal));
  progress.endStage(bytes);
  return progress;
}
