import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir } from 'node:fs/promises';
import path from 'node:path';
import { setHandleOwnership } from './durable-write.ts';
import { writing } from './translate-error.ts';

const CHUNK_BYTES = 256 * 1024;

/**
 * Copies the files and folders below `source` with their owners and modes into the new folder `target`; returns the
 * paths of the files, relative and sorted. Links, sockets and devices are left out: whoever owns the source could point
 * a link anywhere. Not synced, as it runs while a guest is frozen. NO_SPACE; what was copied before an error stays.
 */
export async function copyFolder(source: string, target: string): Promise<readonly string[]> {
  return await writing(target, async () => (await copyLevel(source, target, '')).sort());
}

async function copyLevel(source: string, target: string, below: string): Promise<string[]> {
  const entries = await readdir(path.join(source, below), { withFileTypes: true });
  await mkdir(path.join(target, below), { mode: 0o700 });
  const files: string[] = [];
  for (const entry of entries) {
    const name = path.join(below, entry.name);
    if (entry.isDirectory()) files.push(...(await copyLevel(source, target, name)));
    if (!entry.isFile()) continue;
    await copyOne(path.join(source, name), path.join(target, name));
    files.push(name);
  }
  await takeOver(path.join(source, below), path.join(target, below));
  return files;
}

async function copyOne(source: string, target: string): Promise<void> {
  const from = await open(source, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const to = await open(target, 'wx', 0o600);
    try {
      await pour(from, to);
      const { uid, gid, mode } = await from.stat();
      await setHandleOwnership(to, { uid, gid, mode: mode & 0o7777 });
    } finally {
      await to.close();
    }
  } finally {
    await from.close();
  }
}

async function pour(from: FileHandle, to: FileHandle): Promise<void> {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  for (;;) {
    const { bytesRead } = await from.read(chunk, 0, chunk.length, null);
    if (bytesRead === 0) return;
    await to.writeFile(chunk.subarray(0, bytesRead));
  }
}

async function takeOver(source: string, target: string): Promise<void> {
  const { uid, gid, mode } = await lstat(source);
  const folder = await open(target, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    await setHandleOwnership(folder, { uid, gid, mode: mode & 0o7777 });
  } finally {
    await folder.close();
  }
}
