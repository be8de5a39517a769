import { chmod, constants, copyFile } from 'node:fs/promises';
import path from 'node:path';
import { runCommand } from './run-command.ts';

export interface GuestDiskOptions {
  /** vda … (virtio) or sda … (virtio-scsi); the first one is the root. */
  readonly target: string;
  readonly format: 'qcow2' | 'raw';
  /** Root: at least the image's size. Others: 256 by default. */
  readonly sizeMiB?: number;
  /** The disk is an overlay on a base of its own. */
  readonly backing?: boolean;
  /** An existing file or block device instead of a new file; left alone when the guest is disposed of. */
  readonly path?: string;
}

export interface GuestDisk {
  readonly target: string;
  readonly format: 'qcow2' | 'raw';
  readonly path: string;
}

const MIB = 1024 * 1024;

/** Makes a disk's file in a folder: from `image` (qcow2) where one is given, else empty. */
export async function createGuestDisk(
  folder: string,
  options: GuestDiskOptions,
  image: string | null,
): Promise<GuestDisk> {
  const { target, format } = options;
  if (options.path !== undefined) {
    if (image !== null) await convert(image, { path: options.path, format }, ['-n']);
    return { target, format, path: options.path };
  }
  const file = path.join(folder, `${target}.${format}`);
  const isOverlay = options.backing === true;
  const content = isOverlay ? path.join(folder, `${target}-base.${format}`) : file;
  await writeContent({ path: content, format }, { image, sizeMiB: options.sizeMiB });
  if (isOverlay) await runCommand('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', content, '-F', format, file]);
  return { target, format: isOverlay ? 'qcow2' : format, path: file };
}

async function writeContent(
  disk: { readonly path: string; readonly format: 'qcow2' | 'raw' },
  options: { readonly image: string | null; readonly sizeMiB: number | undefined },
): Promise<void> {
  const { image, sizeMiB } = options;
  if (image === null) {
    const size = String((sizeMiB ?? 256) * MIB);
    await runCommand('qemu-img', ['create', '-q', '-f', disk.format, disk.path, size]);
    return;
  }
  if (disk.format === 'qcow2') await copyFile(image, disk.path, constants.COPYFILE_FICLONE);
  else await convert(image, disk);
  await chmod(disk.path, 0o600);
  if (sizeMiB !== undefined) {
    await runCommand('qemu-img', ['resize', '-q', '-f', disk.format, disk.path, String(sizeMiB * MIB)]);
  }
}

async function convert(
  image: string,
  disk: { readonly path: string; readonly format: string },
  flags: readonly string[] = [],
): Promise<void> {
  await runCommand('qemu-img', ['convert', '-q', ...flags, '-f', 'qcow2', '-O', disk.format, image, disk.path]);
}
