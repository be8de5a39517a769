import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { DarkroomError } from '../../../model/errors.ts';
import type { RecycleNote } from '../../../model/recycled-image.ts';
import {
  imageFolder,
  imageNotFound,
  imagesFolder,
  MANIFEST_FILE,
  PRIVATE_FOLDER_MODE,
  purgedFolder,
  RECYCLED_FILE,
  recycledFolder,
  recycleFolder,
} from '../documents/layout.ts';
import { MAX_MANIFEST_BYTES, parseManifest, serialiseManifest } from '../documents/manifest.ts';
import { serialiseNote } from '../documents/recycled-note.ts';
import { makeFolder, readSmallFile, replaceFile, syncFolder } from '../files/durable-files.ts';
import { IMAGE_FILE_MODE, SECRET_FILE_MODE } from '../files/file-modes.ts';
import { isThere } from '../files/is-there.ts';
import { errnoOf, type StoreFailure, withStoreErrors } from '../files/store-errors.ts';
import type { StoreContext } from './context.ts';
import { isFolder } from './delete.ts';

/** Two hosts may delete what lies in one folder at the same time, and be in each other's way. */
const PURGE_ATTEMPTS = 5;

/**
 * The note first, inside of the image, then one rename of its folder: a kill before it leaves an image, one after it a
 * recycled image. rename(2) is atomic, and replaces no folder that holds something
 * (https://man7.org/linux/man-pages/man2/rename.2.html), so that of several hosts one moves it.
 */
export async function recycleImage(context: StoreContext, imageId: string, note: RecycleNote): Promise<void> {
  const [from, to] = [imageFolder(context.root, imageId), recycledFolder(context.root, imageId)];
  await withStoreErrors(writeFailure('recycle', from), async () => {
    if ((await isFolder(from)) && (await isThere(path.join(from, MANIFEST_FILE)))) {
      try {
        await moveAway(context, imageId, note);
      } catch (error) {
        // somebody else was faster
        if (errnoOf(error) !== 'ENOENT' || !(await isThere(to))) throw error;
      }
    } else if (!(await isThere(to))) throw imageNotFound(imageId);
    await syncFolder(recycleFolder(context.root));
    await syncFolder(imagesFolder(context.root));
  });
}

async function moveAway(context: StoreContext, imageId: string, note: RecycleNote): Promise<void> {
  const [from, to] = [imageFolder(context.root, imageId), recycledFolder(context.root, imageId)];
  if (await makeFolder(recycleFolder(context.root), PRIVATE_FOLDER_MODE)) await syncFolder(context.root);
  await replaceFile(path.join(from, RECYCLED_FILE), serialiseNote(note), { mode: SECRET_FILE_MODE, owner: null });
  if (await tryRename(from, to)) return;
  // both were there at that moment: an image that came from a copy of the store, and the one that was deleted before
  await purgeRecycled(context, imageId);
  await rename(from, to);
}

/**
 * The manifest becomes active while it is not seen, then one rename: a kill before it leaves a recycled image, one after it
 * an image. What remains of the note then is replaced by the next deletion.
 */
export async function restoreImage(context: StoreContext, imageId: string): Promise<void> {
  const [from, to] = [recycledFolder(context.root, imageId), imageFolder(context.root, imageId)];
  await withStoreErrors(writeFailure('restore', from), async () => {
    if (await isThere(from)) {
      try {
        await activate(context, imageId);
        if ((await isThere(to)) || !(await tryRename(from, to))) await requireGone(from, imageId);
      } catch (error) {
        // somebody else was faster, and restored it or purged it
        if (errnoOf(error) !== 'ENOENT') throw error;
      }
    }
    if (!(await isThere(path.join(to, MANIFEST_FILE)))) throw imageNotFound(imageId);
    await syncFolder(imagesFolder(context.root));
    await syncFolder(recycleFolder(context.root)).catch(ignoreMissing);
    await rm(path.join(to, RECYCLED_FILE), { force: true });
  });
}

/** What is in the way may be the image itself, which another host has just restored. */
async function requireGone(recycled: string, imageId: string): Promise<void> {
  if (!(await isThere(recycled))) return;
  const message =
    `There is an image ${imageId} in the store again, beside the deleted one of the same id: nothing was brought back. ` +
    `If the deleted one may go: DELETE /v1/recycled-images/${imageId}`;
  throw new DarkroomError('IMAGE_STATE', message, { fields: { imageId } });
}

async function activate(context: StoreContext, imageId: string): Promise<void> {
  const manifest = path.join(recycledFolder(context.root, imageId), MANIFEST_FILE);
  const image = parseManifest(await readSmallFile(manifest, MAX_MANIFEST_BYTES), imageId);
  if (image.status === 'active') return;
  const text = serialiseManifest({ ...image, status: 'active' });
  await replaceFile(manifest, text, { mode: IMAGE_FILE_MODE, owner: await context.owner() });
}

/** Renamed first, so that nobody brings back a half of it. */
export async function purgeRecycled(context: StoreContext, imageId: string): Promise<void> {
  const [from, doomed] = [recycledFolder(context.root, imageId), purgedFolder(context.root, imageId)];
  await withStoreErrors(writeFailure('purge', from), async () => {
    await removeTree(doomed);
    try {
      if (!(await tryRename(from, doomed))) throw new Error('another host purges an image of the same id just now');
    } catch (error) {
      ignoreMissing(error);
    }
    await syncFolder(recycleFolder(context.root)).catch(ignoreMissing);
    await removeTree(doomed);
    await syncFolder(recycleFolder(context.root)).catch(ignoreMissing);
  });
}

/** Links inside are removed as links; what they point to is not ours. */
async function removeTree(folder: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await rm(folder, { recursive: true, force: true });
      return;
    } catch (error) {
      const isShared = ['ENOENT', 'ENOTEMPTY', 'EBUSY'].includes(errnoOf(error) ?? '');
      if (!isShared || attempt >= PURGE_ATTEMPTS) throw error;
    }
  }
}

/** False when there is a folder already that holds something. */
async function tryRename(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOTEMPTY' || errno === 'EEXIST') return false;
    throw error;
  }
}

function ignoreMissing(error: unknown): void {
  if (errnoOf(error) !== 'ENOENT') throw error;
}

function writeFailure(action: string, target: string): StoreFailure {
  return { code: 'STORE_WRITE_FAILED', action, path: target };
}
