import { mapConcurrently } from '../../../lib/async.ts';
import type { DiskFormat } from '../../../model/image.ts';
import type { DiskFile, DiskFileInfo } from '../../../model/ports/disk-tool.ts';
import type { ImageDraft } from '../../../model/ports/image-store.ts';
import type { DiskKey } from '../../../model/ports/key-source.ts';
import type { Core } from '../../support/context.ts';
import { copyInSlots } from '../../support/copy-turns.ts';

export interface DiskSource {
  readonly target: string;
  readonly path: string;
  readonly format: DiskFormat;
  readonly isBlockDevice: boolean;
  readonly chain: readonly DiskFileInfo[];
}

export interface DiskCopy {
  readonly target: string;
  readonly file: string;
  readonly format: 'qcow2';
  /** False when its blocks are shared with the source instead. */
  readonly isCopied: boolean;
  readonly key?: DiskKey;
}

export interface CopyOptions {
  readonly signal: AbortSignal;
  readonly bandwidthBytesPerSecond: number;
  /** With their dirty bitmaps: the copy goes on as the same disk. */
  readonly hasBitmaps?: boolean;
  /** The copies are encrypted under it, and share no blocks. */
  readonly key?: DiskKey;
  /** Share of all the work done, 0 to 1. */
  readonly onProgress: (fraction: number) => void;
  readonly onHelper: (pid: number) => void;
}

/**
 * Every source as one flat qcow2 in the draft: by sharing blocks where the file system can and nothing needs flattening. The
 * caller holds one slot for copies.
 */
export async function copyDisks(
  core: Core,
  draft: ImageDraft,
  sources: readonly DiskSource[],
  options: CopyOptions,
): Promise<DiskCopy[]> {
  const fractions = sources.map(() => 0);
  return copyInSlots(core, sources, async (source, index) => {
    const onProgress = (fraction: number): void => {
      fractions[index] = fraction;
      options.onProgress(fractions.reduce((sum, each) => sum + each, 0) / sources.length);
    };
    return copyDisk(core, draft, source, { ...options, onProgress });
  });
}

async function copyDisk(core: Core, draft: ImageDraft, source: DiskSource, options: CopyOptions): Promise<DiskCopy> {
  const file = `disk-${source.target}.qcow2`;
  const target = draft.path(file);
  const sealed = options.key === undefined ? {} : { key: options.key };
  const copy = { target: source.target, file, format: 'qcow2', ...sealed } as const;
  const mayShare = options.key === undefined && isCloneable(source);
  if (mayShare && (await tryCleanClone(core, { source, target, hasBitmaps: options.hasBitmaps === true }))) {
    options.onProgress(1);
    return { ...copy, isCopied: false };
  }
  await core.diskTool.convert(
    {
      source: { path: source.path, format: source.format },
      target: { path: target, format: 'qcow2', ...sealed },
      bandwidthBytesPerSecond: options.bandwidthBytesPerSecond,
      hasBitmaps: options.hasBitmaps === true && (source.chain[0]?.bitmaps.length ?? 0) > 0,
      onProgress: options.onProgress,
      onStart: options.onHelper,
    },
    options.signal,
  );
  return { ...copy, isCopied: true };
}

/** Nothing to flatten, nothing to convert. */
function isCloneable({ chain, format, isBlockDevice }: DiskSource): boolean {
  const [top, ...below] = chain;
  return format === 'qcow2' && !isBlockDevice && top !== undefined && below.length === 0 && top.dataFile === null;
}

/** A clone that is not sound, because its source was not closed cleanly, is given up for a copy. */
async function tryCleanClone(
  core: Core,
  {
    source,
    target,
    hasBitmaps,
  }: { readonly source: DiskSource; readonly target: string; readonly hasBitmaps: boolean },
): Promise<boolean> {
  if (!(await core.files.tryClone(source.path, target))) return false;
  const clone: DiskFile = { path: target, format: 'qcow2' };
  const [info, check] = await Promise.all([core.diskTool.info(clone), core.diskTool.check(clone)]);
  if (!check.isSound || info.isDirty) {
    await core.files.remove(target);
    return false;
  }
  // a bitmap tells of changes since a point in the source's life, which is not the image's
  for (const bitmap of hasBitmaps ? [] : info.bitmaps) await core.diskTool.removeBitmap(clone, bitmap.name);
  return true;
}

/** Bytes that the copies take on the host; what shares its blocks took none. */
export async function countCopied(core: Core, draft: ImageDraft, copies: readonly DiskCopy[]): Promise<number> {
  let bytes = 0;
  for (const { file, isCopied } of copies)
    if (isCopied) bytes += (await core.files.stat(draft.path(file)))?.allocatedBytes ?? 0;
  return bytes;
}

/** Bytes that flat copies of the sources need at most. */
export async function measureDisks(core: Core, sources: readonly DiskFile[], signal: AbortSignal): Promise<number> {
  const sizes = await mapConcurrently(sources, 2, (source) => core.diskTool.measure(source, 'qcow2', signal));
  return sizes.reduce((sum, size) => sum + size, 0);
}
