import type { DiskFile } from '../../model/ports/disk-tool.ts';
import { collectKeys } from './disk-keys.ts';
import { nameAlone } from './open-disk.ts';
import { METADATA_TIMEOUT_MS, plainPath, runQemuImg } from './run-qemu-img.ts';

/** Bytes that one bit stands for: QEMU's own default, said so that it never follows an image's cluster size. */
const GRANULARITY_BYTES = 65_536;

/**
 * `qemu-img bitmap --add`: a persistent dirty bitmap in a qcow2 that nobody has open; it records from the next opening
 * on, and nothing is set in it yet. Throws QEMU_IMG_FAILED where one of that name exists.
 */
export async function addDiskBitmap(disk: DiskFile, bitmap: string, signal?: AbortSignal): Promise<void> {
  const path = plainPath(disk.path);
  const keys = collectKeys();
  const name = await nameAlone(disk, { keys, signal });
  const args = ['--add', '-g', String(GRANULARITY_BYTES), '-f', disk.format, '--', name, bitmap];
  await runQemuImg('bitmap', args, { on: path, keys, timeoutMs: METADATA_TIMEOUT_MS, ...(signal && { signal }) });
}

/** `qemu-img bitmap --remove`: drops a dirty bitmap, also one flagged in-use, from a qcow2 that nobody has open. */
export async function removeDiskBitmap(disk: DiskFile, bitmap: string, signal?: AbortSignal): Promise<void> {
  const path = plainPath(disk.path);
  const keys = collectKeys();
  const name = await nameAlone(disk, { keys, signal });
  const args = ['--remove', '-f', disk.format, '--', name, bitmap];
  await runQemuImg('bitmap', args, { on: path, keys, timeoutMs: METADATA_TIMEOUT_MS, ...(signal && { signal }) });
}
