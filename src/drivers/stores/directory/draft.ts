import { mkdirSync, type Stats } from 'node:fs';
import { lstat, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { DarkroomError } from '../../../model/errors.ts';
import type { Image } from '../../../model/image.ts';
import type { ImageDraft } from '../../../model/ports/image-store.ts';
import {
  FOLDER_MODE,
  imageFolder,
  imagesFolder,
  isSafeFileName,
  manifestPath,
  PRIVATE_FOLDER_MODE,
  partialPath,
} from '../documents/layout.ts';
import { listFiles, serialiseManifest } from '../documents/manifest.ts';
import { IMAGE_FILE_MODE, SECRET_FILE_MODE, type StoreContext } from './context.ts';
import { makeFolder, makeFolders, replaceFile, syncFolder, syncWithAccess } from './durable-files.ts';
import { errnoOf, type StoreFailure, toStoreError, withStoreErrors } from './store-errors.ts';

/** Makes the image's folder, durably. IMAGE_STATE when there is one already. */
export async function createDraft(context: StoreContext, imageId: string): Promise<ImageDraft> {
  const folder = imageFolder(context.root, imageId);
  await withStoreErrors({ code: 'STORE_UNUSABLE', action: 'create', path: folder }, async () => {
    await makeFolders(imagesFolder(context.root), FOLDER_MODE);
    if (!(await makeFolder(folder, FOLDER_MODE))) throw alreadyThere(imageId);
    await syncFolder(imagesFolder(context.root));
  });
  return openDraft(context, imageId);
}

export function openDraft(context: StoreContext, imageId: string): ImageDraft {
  const folder = imageFolder(context.root, imageId);
  const locate = (file: string) => locateFile(folder, file);
  return {
    imageId,
    path: (file) => preparePartial(folder, locate(file)),
    seal: async (file, options = {}) => ({
      sizeBytes: await sealFile(context, imageId, {
        target: locate(file),
        mode: options.isSecret === true ? SECRET_FILE_MODE : IMAGE_FILE_MODE,
      }),
    }),
    sealedPath: locate,
    publish: (image) => publish(context, imageId, image),
    discard: () => discard(context, imageId),
  };
}

function locateFile(folder: string, file: string): string {
  if (isSafeFileName(file)) return path.join(folder, file);
  throw new DarkroomError('INTERNAL', `${JSON.stringify(file)} is not a name for a file of an image`);
}

/** Synchronous because a draft's path() is: a writer gets a place that it can write to at once. */
function preparePartial(folder: string, target: string): string {
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
    if (errnoOf(error) !== 'EEXIST') throw toStoreError(error, writeFailure('create', folder));
  }
}

async function sealFile(
  context: StoreContext,
  imageId: string,
  options: { readonly target: string; readonly mode: number },
): Promise<number> {
  const { target, mode } = options;
  const owner = await context.owner();
  return await withStoreErrors(writeFailure('complete', target), async () => {
    if (!(await isThere(partialPath(target)))) return await measureSealed(target);
    const { size: sizeBytes } = await syncWithAccess(partialPath(target), { mode, owner });
    await rename(partialPath(target), target);
    await syncFolders(path.dirname(target), imageFolder(context.root, imageId));
    return sizeBytes;
  });
}

/** Sealed before, and not written anew. */
async function measureSealed(target: string): Promise<number> {
  const { size } = await requireSealed(target);
  return size;
}

/** From a folder up to and with the image's own: each holds the name of the one below. */
async function syncFolders(folder: string, top: string): Promise<void> {
  await syncFolder(folder);
  if (folder !== top) await syncFolders(path.dirname(folder), top);
}

async function publish(context: StoreContext, imageId: string, image: Image): Promise<void> {
  if (image.id !== imageId) throw new DarkroomError('INTERNAL', `Image ${image.id} is not the draft ${imageId}`);
  const folder = imageFolder(context.root, imageId);
  const text = serialiseManifest(image);
  const owner = await context.owner();
  await withStoreErrors(writeFailure('publish image', folder), async () => {
    if (await isPublished(context, imageId)) throw alreadyThere(imageId);
    for (const file of listFiles(image)) await requireSealed(path.join(folder, file));
    await replaceFile(manifestPath(context.root, imageId), text, { mode: IMAGE_FILE_MODE, owner });
    await syncFolder(imagesFolder(context.root));
    await syncFolder(context.root);
  });
}

async function requireSealed(file: string): Promise<Stats> {
  const seen = await lstat(file);
  if (seen.isFile()) return seen;
  throw new Error(`${file} is not a regular file`);
}

async function discard(context: StoreContext, imageId: string): Promise<void> {
  const folder = imageFolder(context.root, imageId);
  await withStoreErrors(writeFailure('discard', folder), async () => {
    if (await isPublished(context, imageId)) {
      throw new DarkroomError('IMAGE_STATE', `Image ${imageId} is published: delete it instead of discarding it`);
    }
    // Also removes a link as such, never what it points to.
    await rm(folder, { recursive: true, force: true });
    await syncFolderIfThere(imagesFolder(context.root));
  });
}

async function isPublished(context: StoreContext, imageId: string): Promise<boolean> {
  return await isThere(manifestPath(context.root, imageId));
}

async function isThere(file: string): Promise<boolean> {
  try {
    await lstat(file);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

async function syncFolderIfThere(folder: string): Promise<void> {
  try {
    await syncFolder(folder);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

function writeFailure(action: string, target: string): StoreFailure {
  return { code: 'STORE_WRITE_FAILED', action, path: target };
}

function alreadyThere(imageId: string): DarkroomError {
  return new DarkroomError('IMAGE_STATE', `Image ${imageId} is already in the store`, { fields: { imageId } });
}
