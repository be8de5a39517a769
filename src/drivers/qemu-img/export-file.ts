import { stat } from 'node:fs/promises';
import { runCommand } from '../../lib/run-command.ts';
import { DarkroomError } from '../../model/errors.ts';
import type { DiskExport, DiskFile } from '../../model/ports/disk-tool.ts';
import { collectKeys } from './disk-keys.ts';
import { describeDisk } from './open-disk.ts';
import { plainPath } from './run-qemu-img.ts';
import { serveDisk } from './serve-disk.ts';

/**
 * A FUSE export of qemu-storage-daemon (https://www.qemu.org/docs/master/tools/qemu-storage-daemon.html): while it lives,
 * the empty file `filePath` reads as the raw disk, for root only, and cannot be written to. A process that was killed
 * leaves it mounted (ENOTCONN): umount it. A file that is not empty or not there is QEMU_IMG_FAILED.
 */
export async function exportAsFile(disk: DiskFile, { filePath }: { readonly filePath: string }): Promise<DiskExport> {
  const file = plainPath(filePath);
  const device = await readDevice(file);
  const keys = collectKeys();
  const node = { ...(await describeDisk(disk, { keys })), 'node-name': 'disk', 'read-only': true };
  const served = { type: 'fuse', id: 'export', 'node-name': 'disk', mountpoint: file, writable: false };
  return await serveDisk({
    program: 'qemu-storage-daemon',
    args: ['--blockdev', JSON.stringify(node), '--export', JSON.stringify(served)],
    keys,
    disk: disk.path,
    subcommand: 'export-file',
    isReady: () =>
      stat(file).then(
        (found) => found.dev !== device,
        () => false,
      ),
    cleanUp: () => unmount(file, device),
  });
}

async function readDevice(file: string): Promise<number> {
  const found = await stat(file).catch(() => null);
  if (found?.isFile() === true && found.size === 0) return found.dev;
  throw new DarkroomError('QEMU_IMG_FAILED', `cannot show a disk as ${file}: there must be an empty file`, {
    fields: { subcommand: 'export-file', disk: file, exitCode: null },
  });
}

/** Where it was killed, or a reader still had it open. */
async function unmount(file: string, device: number): Promise<void> {
  const isBare = await stat(file).then(
    (found) => found.dev === device,
    () => false,
  );
  if (!isBare) await runCommand({ file: 'umount', args: ['--lazy', '--', file] });
}
