import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, readlink } from 'node:fs/promises';
import type { FileStat, HeldFile } from '../../model/ports/host.ts';

/**
 * Opens a file or folder for reading, links followed, without blocking on a named pipe; null when nothing is there.
 * `heldPath` is the descriptor's entry in /proc (https://man7.org/linux/man-pages/man5/proc_pid_fd.5.html), which leads
 * child processes to the same inode. Node's errors otherwise.
 */
export async function holdFile(path: string): Promise<HeldFile | null> {
  const handle = await openIfThere(path);
  if (handle === null) return null;
  try {
    const heldPath = `/proc/${process.pid}/fd/${handle.fd}`;
    return describeHandle(handle, { heldPath, realPath: await readlink(heldPath), stat: await handle.stat() });
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  }
}

function describeHandle(
  handle: FileHandle,
  seen: { readonly heldPath: string; readonly realPath: string; readonly stat: Stats },
): HeldFile {
  return {
    realPath: seen.realPath,
    heldPath: seen.heldPath,
    stat: describeStat(seen.stat),
    read: async ({ offsetBytes, lengthBytes }) => {
      const buffer = Buffer.alloc(lengthBytes);
      const { bytesRead } = await handle.read(buffer, 0, lengthBytes, offsetBytes);
      return buffer.subarray(0, bytesRead);
    },
    [Symbol.asyncDispose]: async () => {
      // closing a descriptor that was only read cannot lose anything
      await handle.close().catch(() => undefined);
    },
  };
}

function describeStat(stat: Stats): FileStat {
  return {
    kind: kindOf(stat),
    sizeBytes: stat.size,
    allocatedBytes: stat.blocks * 512,
    inode: stat.ino,
    device: stat.dev,
    mode: stat.mode & 0o7777,
    uid: stat.uid,
    gid: stat.gid,
  };
}

function kindOf(stat: Stats): FileStat['kind'] {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  return stat.isBlockDevice() ? 'block-device' : 'other';
}
