import { DarkroomError } from '../../model/errors.ts';
import type { DiskFormat, ImageDisk } from '../../model/image.ts';
import type { DiskFile } from '../../model/ports/disk-tool.ts';
import type { ImageDraft } from '../../model/ports/image-store.ts';
import type { DiskKey } from '../../model/ports/key-source.ts';
import type { Core } from '../support/context.ts';
import { requireStandalone } from './require-standalone.ts';
import type { TransferProgress } from './store/transfer-progress.ts';

export interface WrittenDisk {
  /** Name in the image's folder, written under the draft's temporary name. */
  readonly file: string;
  readonly target: string;
  readonly format: DiskFormat;
  /** It was written encrypted, under this. */
  readonly key?: DiskKey;
  /** Copied bytes are read again and hashed; cloned or moved ones are not. */
  readonly isCopied: boolean;
  readonly onHashed?: (totalBytes: number) => void;
  /** Of the way to a store that is elsewhere. */
  readonly upload?: TransferProgress;
}

/** Makes sure that a written disk is sound and stands alone, and seals it. COPY_FAILED for a copy that is not, else IMAGE_DAMAGED. */
export async function finishDisk(
  core: Core,
  draft: ImageDraft,
  disk: WrittenDisk,
  signal: AbortSignal,
): Promise<ImageDisk> {
  const { file, target, format, key, upload } = disk;
  const path = draft.path(file);
  const written: DiskFile = { path, format, ...(key && { key }) };
  const info = await core.diskTool.info(written, signal);
  const code = disk.isCopied ? 'COPY_FAILED' : 'IMAGE_DAMAGED';
  requireStandalone(info, { path, code, isEncrypted: key !== undefined });
  // side by side: one waits for the disk, one reads the structure, one reads every byte
  const [sha256] = await Promise.all([
    disk.isCopied ? hashDisk(core, disk, { path, signal }) : null,
    core.files.sync(path),
    requireSound(core, { ...disk, written }, signal),
  ]);
  const onBytes = upload?.addFile((await core.files.stat(path))?.sizeBytes ?? 0);
  const { sizeBytes } = await draft.seal(file, { signal, ...(onBytes && { onBytes }) });
  return { target, file, format, virtualSizeBytes: info.virtualSizeBytes, sizeBytes, sha256 };
}

function hashDisk(
  core: Core,
  { onHashed }: WrittenDisk,
  { path, signal }: { readonly path: string; readonly signal: AbortSignal },
): Promise<string> {
  return core.files.hash(path, { signal, ...(onHashed === undefined ? {} : { onBytes: onHashed }) });
}

/** Raw files have no structure that could be checked. */
async function requireSound(
  core: Core,
  disk: WrittenDisk & { readonly written: DiskFile },
  signal: AbortSignal,
): Promise<void> {
  if (disk.format === 'raw') return;
  const { isSound, corruptions, checkErrors } = await core.diskTool.check(disk.written, signal);
  if (isSound) return;
  const { path } = disk.written;
  throw new DarkroomError(
    disk.isCopied ? 'COPY_FAILED' : 'IMAGE_DAMAGED',
    `The disk ${disk.target} of the image is damaged: qemu-img check found ${corruptions} corruptions and ${checkErrors} errors in ` +
      `${path}. Look at the disk below it with qemu-img check, and at the host's storage.`,
    { fields: { path, target: disk.target, corruptions, checkErrors } },
  );
}
