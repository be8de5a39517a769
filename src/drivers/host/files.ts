import { chmod, chown, mkdir, rename, rm, unlink } from 'node:fs/promises';
import type { FileOwnership, HostFiles } from '../../model/ports/host.ts';
import { cloneFile } from './clone.ts';
import { copyWholeFile } from './copy.ts';
import { copyFolder } from './copy-tree.ts';
import { syncPath, writeFileDurably } from './durable-write.ts';
import { hashFile, hashGrowing } from './hash.ts';
import { holdFile } from './hold-file.ts';
import { linkFile } from './link.ts';
import { readFileBytes, readTextFile } from './read-file.ts';
import { releaseReserve, reserveSpace } from './reserve.ts';
import { listFolder, readFreeBytes, statPath } from './stat.ts';
import { errnoOf, writing } from './translate-error.ts';
import { lookUpHostUser } from './users.ts';

/** The file systems of this host, through Node's fs. */
export function createHostFiles(): HostFiles {
  return {
    stat: statPath,
    list: listFolder,
    freeBytes: readFreeBytes,
    makeDirectory,
    readText: readTextFile,
    readBytes: readFileBytes,
    writeDurably: writeFileDurably,
    tryClone: cloneFile,
    tryLink: linkFile,
    copy: copyWholeFile,
    copyTree: copyFolder,
    reserve: reserveSpace,
    releaseReserve,
    sync: (path) => writing(path, () => syncPath(path)),
    rename: (from, to) => writing(to, () => rename(from, to)),
    setOwnership,
    remove,
    removeTree: (path) => rm(path, { recursive: true, force: true }),
    hash: hashFile,
    hashGrowing,
    hold: holdFile,
    lookUpUser: lookUpHostUser,
  };
}

/** Owner and mode are set on the last folder only, also when it was there before. */
async function makeDirectory(path: string, ownership: Partial<FileOwnership> = {}): Promise<void> {
  await writing(path, () => mkdir(path, { recursive: true }));
  await setOwnership(path, ownership);
}

async function setOwnership(path: string, ownership: Partial<FileOwnership>): Promise<void> {
  const { uid = -1, gid = -1, mode } = ownership;
  if (uid !== -1 || gid !== -1) await chown(path, uid, gid);
  if (mode !== undefined) await chmod(path, mode);
}

async function remove(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}
