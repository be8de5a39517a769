import type { DiskFile } from '../../model/ports/disk-tool.ts';
import { METADATA_TIMEOUT_MS, plainPath, runQemuImg } from './run-qemu-img.ts';

/** `qemu-img bitmap --remove`: drops a dirty bitmap, also one flagged in-use, from a qcow2 that nobody has open. */
export async function removeDiskBitmap(disk: DiskFile, bitmap: string, signal?: AbortSignal): Promise<void> {
  const path = plainPath(disk.path);
  const args = ['--remove', '-f', disk.format, '--', path, bitmap];
  await runQemuImg('bitmap', args, { on: path, timeoutMs: METADATA_TIMEOUT_MS, ...(signal && { signal }) });
}
