import { lstat, rm } from 'node:fs/promises';
import path from 'node:path';
import { DarkroomError } from '../../../model/errors.ts';
import type { Image } from '../../../model/image.ts';
import type { ImageDraft } from '../../../model/ports/image-store.ts';
import { FOLDER_MODE, imageFolder, imagesFolder, manifestPath } from '../documents/layout.ts';
import { listFiles, serialiseManifest } from '../documents/manifest.ts';
import { locateFile, preparePartial, sealPartial } from '../files/draft-files.ts';
import { makeFolder, makeFolders, replaceFile, syncFolder } from '../files/durable-files.ts';
import { IMAGE_FILE_MODE, SECRET_FILE_MODE } from '../files/file-modes.ts';
import { isThere } from '../files/is-there.ts';
import { errnoOf, type StoreFailure, withStoreErrors } from '../files/store-errors.ts';
import type { StoreContext } from './context.ts';

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
      sizeBytes: await sealFile(context, {
        folder,
        target: locate(file),
        mode: options.isSecret === true ? SECRET_FILE_MODE : IMAGE_FILE_MODE,
      }),
    }),
    sealFrom: async () => null,
    sealedPath: locate,
    publish: (image) => publish(context, imageId, image),
    discard: () => discard(context, imageId),
  };
}

async function sealFile(
  context: StoreContext,
  options: { readonly folder: string; readonly target: string; readonly mode: number },
): Promise<number> {
  const { folder, target, mode } = options;
  const owner = await context.owner();
  return await withStoreErrors(writeFailure('complete', target), () =>
    sealPartial(target, { folder, access: { mode, owner } }),
  );
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

async function requireSealed(file: string): Promise<void> {
  if ((await lstat(file)).isFile()) return;
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
