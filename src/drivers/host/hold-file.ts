import { constants } from 'node:fs';
import { type FileHandle, open, readlink } from 'node:fs/promises';
import type { FileStat, HeldFile } from '../../model/ports/host.ts';
import { describeStat } from './stat.ts';
import { errnoOf } from './translate-error.ts';

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
    const stat = await describeStat(await handle.stat({ bigint: true }));
    return describeHandle(handle, { heldPath, realPath: await readlink(heldPath), stat });
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  }
}

function describeHandle(
  handle: FileHandle,
  seen: { readonly heldPath: string; readonly realPath: string; readonly stat: FileStat },
): HeldFile {
  return {
    realPath: seen.realPath,
    heldPath: seen.heldPath,
    stat: seen.stat,
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
