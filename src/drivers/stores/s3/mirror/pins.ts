import { lstat, readdir, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { FOLDER_MODE, PRIVATE_FOLDER_MODE } from '../../documents/layout.ts';
import { makeFolders, replaceFile, syncFolder } from '../../files/durable-files.ts';
import { SECRET_FILE_MODE } from '../../files/file-modes.ts';
import { errnoOf, type StoreFailure, withStoreErrors } from '../../files/store-errors.ts';

export const PINS_FOLDER = '.pins';

/** `.pins/<prefix>/<name>`, on disk before it returns: a crash must not take a disk from under a guest. STORE_WRITE_FAILED, NO_SPACE. */
export async function pin(rootPath: string, prefix: string, name: string): Promise<void> {
  const folder = pinFolder(rootPath, prefix);
  await withStoreErrors(writeFailure(folder), async () => {
    await makeFolders(rootPath, FOLDER_MODE);
    try {
      await writePin(folder, name);
    } catch (error) {
      // the last other pin went in this moment, and the folder with it
      if (errnoOf(error) !== 'ENOENT') throw error;
      await writePin(folder, name);
    }
    for (const parent of [path.dirname(folder), rootPath]) await syncFolder(parent);
  });
}

async function writePin(folder: string, name: string): Promise<void> {
  await makeFolders(folder, PRIVATE_FOLDER_MODE);
  await replaceFile(path.join(folder, escapeName(name)), '', { mode: SECRET_FILE_MODE, owner: null });
}

export async function unpin(rootPath: string, prefix: string, name: string): Promise<void> {
  const folder = pinFolder(rootPath, prefix);
  await withStoreErrors(writeFailure(folder), async () => {
    await rm(path.join(folder, escapeName(name)), { force: true });
    try {
      await rmdir(folder);
    } catch (error) {
      if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(errnoOf(error) ?? '')) throw error;
    }
  });
}

/** Beginnings of keys that somebody wants to stay. STORE_UNUSABLE: then nothing may be removed. */
export async function listPinned(rootPath: string): Promise<readonly string[]> {
  const folder = path.join(rootPath, PINS_FOLDER);
  return await withStoreErrors({ code: 'STORE_UNUSABLE', action: 'read', path: folder }, async () => {
    const pinned: string[] = [];
    for (const name of await readNames(folder)) {
      if ((await readNames(path.join(folder, name))).length > 0) pinned.push(decodeURIComponent(name));
    }
    return pinned;
  });
}

export interface Pin {
  readonly prefix: string;
  readonly name: string;
  readonly pinnedAtMs: number;
}

/** Each by itself. STORE_UNUSABLE. */
export async function listPins(rootPath: string): Promise<readonly Pin[]> {
  const folder = path.join(rootPath, PINS_FOLDER);
  return await withStoreErrors({ code: 'STORE_UNUSABLE', action: 'read', path: folder }, async () => {
    const pins: Pin[] = [];
    for (const prefix of await readNames(folder)) {
      for (const name of await readNames(path.join(folder, prefix))) {
        const seen = await lstat(path.join(folder, prefix, name)).catch(() => null);
        const [wanted, by] = [decodeURIComponent(prefix), decodeURIComponent(name)];
        if (seen !== null) pins.push({ prefix: wanted, name: by, pinnedAtMs: seen.mtimeMs });
      }
    }
    return pins;
  });
}

async function readNames(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function pinFolder(rootPath: string, prefix: string): string {
  return path.join(rootPath, PINS_FOLDER, escapeName(prefix));
}

/** One plain name for any text. */
function escapeName(text: string): string {
  return encodeURIComponent(text).replaceAll('.', '%2E');
}

function writeFailure(folder: string): StoreFailure {
  return { code: 'STORE_WRITE_FAILED', action: 'write', path: folder };
}
