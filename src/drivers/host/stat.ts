import type { BigIntStats } from 'node:fs';
import { readdir, readFile, stat, statfs } from 'node:fs/promises';
import type { FileStat } from '../../model/ports/host.ts';
import { errnoOf } from './translate-error.ts';

const BLOCK_BYTES = 512;
const PERMISSION_BITS = 0o7777n;
const NS_PER_MS = 1e6;

/** stat(2), with the length of a block device as its size; null when nothing is there. Follows links. */
export async function statPath(path: string): Promise<FileStat | null> {
  const found = await statOrNull(path);
  if (found === null) return null;
  return await describeStat(found);
}

/** The facts of a stat(2) that was made; the size of a block device is looked up. */
export async function describeStat(found: BigIntStats): Promise<FileStat> {
  const deviceBytes = found.isBlockDevice() ? await readDeviceBytes(found.rdev) : null;
  return {
    kind: kindOf(found),
    sizeBytes: deviceBytes ?? Number(found.size),
    allocatedBytes: deviceBytes ?? Number(found.blocks) * BLOCK_BYTES,
    inode: Number(found.ino),
    device: Number(found.dev),
    mode: Number(found.mode & PERMISSION_BITS),
    uid: Number(found.uid),
    gid: Number(found.gid),
    links: Number(found.nlink),
    modifiedMs: Number(found.mtimeNs) / NS_PER_MS,
  };
}

/** Names in a folder, sorted; [] when there is no folder. */
export async function listFolder(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Bytes that an ordinary user may still write to the file system of `path`. */
export async function readFreeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}

async function statOrNull(path: string): Promise<BigIntStats | null> {
  try {
    return await stat(path, { bigint: true });
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  }
}

function kindOf(found: BigIntStats): FileStat['kind'] {
  if (found.isFile()) return 'file';
  if (found.isDirectory()) return 'directory';
  return found.isBlockDevice() ? 'block-device' : 'other';
}

/** Number of 512-byte sectors, whatever the device's own sector size: /sys/dev/block/MAJOR:MINOR/size. */
async function readDeviceBytes(rdev: bigint): Promise<number> {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & ~0xffn);
  return Number(await readFile(`/sys/dev/block/${major}:${minor}/size`, 'utf8')) * BLOCK_BYTES;
}
