import path from 'node:path';
import { mapConcurrently } from '../../../lib/async.ts';
import type { LaunchDisk } from '../../../model/domain-xml/launch-disks.ts';
import type { DiskFormat, Image, ImageDisk } from '../../../model/image.ts';
import type { DiskFile } from '../../../model/ports/disk-tool.ts';
import type { FileOwnership } from '../../../model/ports/host.ts';
import type { Core, OperationContext } from '../../support/context.ts';
import { type CopyTurns, createCopyTurns } from '../../support/copy-turns.ts';
import { checkSpace, type SpaceNeed } from '../check-space.ts';
import { imageDisk } from '../encrypted-image.ts';
import { guestOwnership } from './instance-folder.ts';

/** An empty overlay with room for its tables to grow at first. */
const OVERLAY_BYTES = 4 * 1024 ** 2;

export interface DiskPlace {
  readonly folder: string;
  /** Overlays on the image's disks instead of copies of them; never on those of an encrypted image. */
  readonly isThin: boolean;
}

interface DiskWork extends DiskPlace {
  readonly disk: ImageDisk;
  readonly source: DiskFile;
  readonly ownership: Partial<FileOwnership>;
  readonly onProgress: (fraction: number) => void;
  readonly turns: CopyTurns;
}

/** The image's disks as disks of the new instance, in its folder. */
export async function materialiseDisks(
  context: OperationContext,
  image: Image,
  place: DiskPlace & { readonly signal: AbortSignal },
): Promise<LaunchDisk[]> {
  const ownership = await guestOwnership(context);
  const reportFor = shareProgress(context, image);
  const turns = createCopyTurns(context, { step: 'making disks', signal: place.signal });
  return await mapConcurrently(image.disks, context.settings.maxConcurrentCopies, async (disk, index) => {
    const source = await imageDisk(context, image, disk, { signal: place.signal });
    const work = { ...place, disk, source, ownership, onProgress: reportFor(index), turns };
    return place.isThin ? await makeOverlay(context, work, place.signal) : await makeCopy(context, work, place.signal);
  });
}

/** What the disks need when they are made; a full copy that may turn out to share its blocks is asked for later. */
export async function measureLaunch(core: Core, image: Image, place: DiskPlace): Promise<readonly SpaceNeed[]> {
  const needs: SpaceNeed[] = [];
  for (const disk of image.disks) {
    const bytes = place.isThin ? OVERLAY_BYTES : await measureCopy(core, { image, disk, folder: place.folder });
    needs.push({ path: place.folder, bytes, what: 'the disks of the instance' });
  }
  return needs;
}

/** What is not here yet takes its length at most, unless it is compressed; it is measured again once it is here. */
async function measureCopy(
  core: Core,
  { image, disk, folder }: { readonly image: Image; readonly disk: ImageDisk; readonly folder: string },
): Promise<number> {
  if (!core.store.keepsFilesHere) return disk.sizeBytes;
  const source = await imageDisk(core, image, disk);
  const mayShare = isShareable(source) && (await isOnSameFileSystem(core, source.path, folder));
  return mayShare ? OVERLAY_BYTES : await core.diskTool.measure(source, 'qcow2');
}

/** The instance's disk is not encrypted, whatever the image's is. */
function isShareable({ key }: DiskFile): boolean {
  return key === undefined;
}

/** Where the folder is not there yet, by the nearest one above it. */
export async function isOnSameFileSystem(core: Core, source: string, folder: string): Promise<boolean> {
  const stat = await core.files.stat(source);
  for (let parent = folder; ; parent = path.dirname(parent)) {
    const there = await core.files.stat(parent);
    if (there !== null) return there.device === stat?.device;
    if (parent === path.dirname(parent)) return false;
  }
}

async function makeOverlay(context: OperationContext, work: DiskWork, signal: AbortSignal): Promise<LaunchDisk> {
  const { disk, source } = work;
  const backing = { path: source.path, format: disk.format };
  const file = placeOf(work, 'qcow2');
  await context.diskTool.create({ path: file, format: 'qcow2', backing, hasExtendedL2: true }, signal);
  await finish(context, work, file);
  return { target: disk.target, path: file, format: 'qcow2', backing };
}

async function makeCopy(context: OperationContext, work: DiskWork, signal: AbortSignal): Promise<LaunchDisk> {
  const { disk, source } = work;
  const clone = placeOf(work, disk.format);
  if (isShareable(source) && (await context.files.tryClone(source.path, clone))) {
    await finish(context, work, clone);
    return { target: disk.target, path: clone, format: disk.format, backing: null };
  }
  return await work.turns.take(() => convert(context, work, signal));
}

async function convert(context: OperationContext, work: DiskWork, signal: AbortSignal): Promise<LaunchDisk> {
  const { disk, source } = work;
  const copy = placeOf(work, 'qcow2');
  const bytes = await context.diskTool.measure(source, 'qcow2');
  await checkSpace(context, [{ path: copy, bytes, what: `the disk ${disk.target} of the instance` }]);
  await context.diskTool.convert(
    {
      source,
      target: { path: copy, format: 'qcow2' },
      bandwidthBytesPerSecond: context.settings.copyBandwidthBytesPerSecond,
      onProgress: work.onProgress,
    },
    signal,
  );
  await finish(context, work, copy);
  return { target: disk.target, path: copy, format: 'qcow2', backing: null };
}

function placeOf({ folder, disk }: DiskWork, format: DiskFormat): string {
  return path.join(folder, `disk-${disk.target}.${format}`);
}

async function finish(context: OperationContext, work: DiskWork, file: string): Promise<void> {
  await context.files.setOwnership(file, work.ownership);
  await context.files.sync(file);
  work.onProgress(1);
}

/** One bar for all disks, by their lengths. */
function shareProgress(context: OperationContext, image: Image): (index: number) => (fraction: number) => void {
  const done = image.disks.map(() => 0);
  return (index) => (fraction) => {
    done[index] = Math.round(fraction * (image.disks[index]?.sizeBytes ?? 0));
    const sum = done.reduce((total, bytes) => total + bytes, 0);
    // a lost report is followed by the next one
    context.operation.report({ done: sum, total: image.sizeBytes, unit: 'bytes' }).catch(() => undefined);
  };
}
