import type { DiskFile } from '../../model/ports/disk-tool.ts';
import { METADATA_TIMEOUT_MS, plainPath, runQemuImg } from './run-qemu-img.ts';

/** `qemu-img resize`: makes a disk longer, in bytes. Shrinking would lose data and is QEMU_IMG_FAILED. */
export async function resizeDisk(disk: DiskFile, virtualSizeBytes: number, signal?: AbortSignal): Promise<void> {
  const path = plainPath(disk.path);
  const args = ['-q', '-f', disk.format, '--', path, String(virtualSizeBytes)];
  await runQemuImg('resize', args, { on: path, timeoutMs: METADATA_TIMEOUT_MS, ...(signal && { signal }) });
}
