import { mkdirSync } from 'node:fs';
import { lstat, rename } from 'node:fs/promises';
import path from 'node:path';
import { DarkroomError } from '../../../model/errors.ts';
import { isSafeFileName, PRIVATE_FOLDER_MODE, partialPath } from '../documents/layout.ts';
import { type FileAccess, syncFolder, syncWithAccess } from './durable-files.ts';
import { errnoOf, toStoreError } from './store-errors.ts';

/** Where a file of a draft in that folder lies once it is sealed. INTERNAL for a name that leaves it. */
export function locateFile(folder: string, file: string): string {
  if (isSafeFileName(file)) return path.join(folder, file);
  throw new DarkroomError('INTERNAL', `${JSON.stringify(file)} is not a name for a file of an image`);
}

/**
 * The temporary name of a file of the draft in that folder; makes folders on the way to it. Synchronous because a draft's path() is: a
 * writer gets a place that it can write to at once. STORE_WRITE_FAILED, NO_SPACE.
 */
export function preparePartial(folder: string, target: string): string {
  const parents = path.relative(folder, path.dirname(target)).split('/').filter(Boolean);
  let parent = folder;
  for (const name of parents) {
    parent = path.join(parent, name);
    makePrivateFolderSync(parent);
  }
  return partialPath(target);
}

function makePrivateFolderSync(folder: string): void {
  try {
    mkdirSync(folder, { mode: PRIVATE_FOLDER_MODE });
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return;
    throw toStoreError(error, { code: 'STORE_WRITE_FAILED', action: 'create', path: folder });
  }
}

/**
 * Gives a file that was written under its temporary name its owner, mode and name, durably; one that has its name already is left as
 * it is. Returns its length. Node's errors: ENOENT where neither is there.
 */
export async function sealPartial(
  target: string,
  options: { readonly folder: string; readonly access: FileAccess },
): Promise<number> {
  try {
    const { size } = await syncWithAccess(partialPath(target), options.access);
    await rename(partialPath(target), target);
    await syncFolders(path.dirname(target), options.folder);
    return size;
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    return await measureSealed(target);
  }
}

async function measureSealed(target: string): Promise<number> {
  const seen = await lstat(target);
  if (seen.isFile()) return seen.size;
  throw new Error('it is not a regular file');
}

/** From a folder up to and with the image's own: each holds the name of the one below. */
async function syncFolders(folder: string, top: string): Promise<void> {
  await syncFolder(folder);
  if (folder !== top) await syncFolders(path.dirname(folder), top);
}
