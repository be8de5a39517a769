import { rm } from 'node:fs/promises';
import path from 'node:path';
import { runCommand, tryCommand } from './run-command.ts';
import { createTestFolder } from './test-folder.ts';

export type MountKind = 'xfs' | 'ext4' | 'tmpfs';

export interface Mount extends AsyncDisposable {
  /** QEMU may enter it. */
  readonly path: string;
}

/** A file system of its own: XFS with reflink (300 MiB or more), ext4 or tmpfs. Unmounted and removed when disposed of. */
export async function createMount(kind: MountKind, sizeMiB: number): Promise<Mount> {
  const folder = await createTestFolder();
  const mountPoint = path.join(folder.path, 'mount');
  const image = path.join(folder.path, 'disk.img');
  const dispose = async (): Promise<void> => {
    // lazily: a process that still works in it must not keep the mount in place
    await tryCommand('umount', ['-l', mountPoint]);
    await rm(image, { force: true });
    await folder[Symbol.asyncDispose]();
  };
  try {
    await runCommand('mkdir', [mountPoint]);
    if (kind === 'tmpfs') await runCommand('mount', ['-t', 'tmpfs', '-o', `size=${sizeMiB}m`, 'tmpfs', mountPoint]);
    else await mountImage({ kind, image, mountPoint, sizeMiB });
    await runCommand('chmod', ['711', mountPoint]);
    return { path: mountPoint, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Makes a mount read-only, or writable again. */
export async function remount(mount: Mount, mode: 'ro' | 'rw'): Promise<void> {
  await runCommand('mount', ['-o', `remount,${mode}`, mount.path]);
}

interface ImageMount {
  readonly kind: 'xfs' | 'ext4';
  readonly image: string;
  readonly mountPoint: string;
  readonly sizeMiB: number;
}

async function mountImage(options: ImageMount): Promise<void> {
  const { kind, image, mountPoint, sizeMiB } = options;
  await runCommand('truncate', ['-s', `${sizeMiB}M`, image]);
  const flags = kind === 'xfs' ? ['-q', '-m', 'reflink=1'] : ['-q', '-F'];
  await runCommand(`mkfs.${kind}`, [...flags, image]);
  await runCommand('mount', ['-o', 'loop', image, mountPoint]);
}
