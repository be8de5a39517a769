import type { CommitDiskOptions, DiskFile } from '../../model/ports/disk-tool.ts';
import { collectKeys } from './disk-keys.ts';
import { nameDisk } from './open-disk.ts';
import { type Priority, plainPath, runQemuImg } from './run-qemu-img.ts';

/**
 * `qemu-img commit -d`: merges an overlay that nobody has open into its backing file, which grows with it; the overlay
 * keeps its content. May be repeated after a failure. Flushed, not synced: the caller syncs before it deletes the overlay.
 */
export async function commitDisk(
  disk: DiskFile,
  options: CommitDiskOptions & { readonly priority?: Priority } = {},
  signal?: AbortSignal,
): Promise<void> {
  const path = plainPath(disk.path);
  const { bandwidthBytesPerSecond = 0, priority } = options;
  const limit = bandwidthBytesPerSecond === 0 ? [] : ['-r', String(bandwidthBytesPerSecond)];
  const keys = collectKeys();
  const name = await nameDisk(disk, { keys, signal });
  const args = ['-q', '-d', '-f', disk.format, ...limit, '--', name];
  await runQemuImg('commit', args, { on: path, keys, priority, ...(signal && { signal }) });
}
