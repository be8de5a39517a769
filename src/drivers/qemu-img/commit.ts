import type { DiskFile } from '../../model/ports/disk-tool.ts';
import { plainPath, runQemuImg } from './run-qemu-img.ts';

/**
 * `qemu-img commit -d`: merges an overlay that nobody has open into its backing file, which grows with it; the overlay
 * keeps its content. May be repeated after a failure. Flushed, not synced: the caller syncs before it deletes the overlay.
 */
export async function commitDisk(disk: DiskFile, signal?: AbortSignal): Promise<void> {
  const path = plainPath(disk.path);
  await runQemuImg('commit', ['-q', '-d', '-f', disk.format, '--', path], { on: path, ...(signal && { signal }) });
}
