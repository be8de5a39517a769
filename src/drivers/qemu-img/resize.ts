import type { DiskFile } from '../../model/ports/disk-tool.ts';
import { collectKeys } from './disk-keys.ts';
import { nameDisk } from './open-disk.ts';
import { METADATA_TIMEOUT_MS, plainPath, runQemuImg } from './run-qemu-img.ts';

/** `qemu-img resize`: makes a disk longer, in bytes. Shrinking would lose data and is QEMU_IMG_FAILED. */
export async function resizeDisk(disk: DiskFile, virtualSizeBytes: number, signal?: AbortSignal): Promise<void> {
  const path = plainPath(disk.path);
  const keys = collectKeys();
  const name = await nameDisk(disk, { keys, signal });
  const args = ['-q', '-f', disk.format, '--', name, String(virtualSizeBytes)];
  await runQemuImg('resize', args, { on: path, keys, timeoutMs: METADATA_TIMEOUT_MS, ...(signal && { signal }) });
}
