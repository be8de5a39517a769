import { stat } from 'node:fs/promises';
import path from 'node:path';
import { hasCode } from '../../../model/errors.ts';
import type { Image } from '../../../model/image.ts';
import type { ImageStore } from '../../../model/ports/image-store.ts';
import { manifestPath } from '../documents/layout.ts';
import { serialiseManifest } from '../documents/manifest.ts';
import { replaceFile } from '../files/durable-files.ts';
import { IMAGE_FILE_MODE } from '../files/file-modes.ts';
import { freeBytes } from '../files/free-bytes.ts';
import { lookUpImageOwner } from '../files/image-owner.ts';
import { withStoreErrors } from '../files/store-errors.ts';
import { assertWritable } from './assert-writable.ts';
import type { StoreContext } from './context.ts';
import { deleteImage } from './delete.ts';
import { createDraft, openDraft } from './draft.ts';
import { listDraftIds, listImages, readImage } from './list.ts';
import { listRecycled } from './list-recycled.ts';
import { purgeRecycled, recycleImage, restoreImage } from './recycle.ts';
import { resolveFile } from './resolve-file.ts';
import { addUser, listUsers, removeUser } from './users.ts';

export interface DirectoryStoreOptions {
  /** Absolute path of a folder, which may lie on NFS or CephFS. */
  readonly location: string;
  /** Group that may read image files: the one QEMU runs in. */
  readonly imageGroup: string;
}

/**
 * Images in a folder: `images/<id>/` with `manifest.json`, disks, `nvram.fd`, `tpm/`, `domain.xml` and `users/`; deleted
 * ones, which can be brought back, the same in `recycle/<id>/`. Nothing is touched before the first call. Errors as the port says. Atomicity rests on rename(2) within one folder and fsync(2) of
 * file and folder (https://man7.org/linux/man-pages/man2/fsync.2.html), which NFS and CephFS give too.
 */
export function createDirectoryStore(options: DirectoryStoreOptions): ImageStore {
  const root = path.resolve(options.location);
  const context: StoreContext = { root, owner: () => lookUpImageOwner(options.imageGroup) };
  return {
    location: options.location,
    isLocal: true,
    keepsFilesHere: true,
    rootPath: root,
    assertWritable: () => assertWritable(context),
    freeBytes: () => freeBytes(root),
    createDraft: (imageId) => createDraft(context, imageId),
    openDraft: (imageId) => openDraft(context, imageId),
    listDraftIds: () => listDraftIds(context),
    listImages: () => listImages(context),
    readImage: (imageId) => readImage(context, imageId),
    updateImage: (image) => updateImage(context, image),
    deleteImage: (imageId) => deleteImage(context, imageId),
    recycleImage: (imageId, note) => recycleImage(context, imageId, note),
    listRecycled: () => listRecycled(context),
    restoreImage: (imageId) => restoreImage(context, imageId),
    purgeRecycled: (imageId) => purgeRecycled(context, imageId),
    resolveFile: (imageId, file) => resolveFile(context, imageId, file),
    measureFile: (imageId, file) => measureFile(context, imageId, file),
    fetchFile: async () => 'here',
    listUsers: (imageId) => listUsers(context, imageId),
    addUser: (imageId, user) => addUser(context, imageId, user),
    removeUser: (imageId, instanceId) => removeUser(context, imageId, instanceId),
  };
}

async function measureFile(context: StoreContext, imageId: string, file: string): Promise<number | null> {
  await readImage(context, imageId);
  try {
    return (await stat(await resolveFile(context, imageId, file))).size;
  } catch (error) {
    ignoreDamage(error);
    return null;
  }
}

async function updateImage(context: StoreContext, image: Image): Promise<void> {
  const target = manifestPath(context.root, image.id);
  // A damaged manifest may be replaced; one that is not there means that the image is gone.
  await readImage(context, image.id).catch(ignoreDamage);
  const text = serialiseManifest(image);
  const owner = await context.owner();
  await withStoreErrors({ code: 'STORE_WRITE_FAILED', action: 'write', path: target }, () =>
    replaceFile(target, text, { mode: IMAGE_FILE_MODE, owner }),
  );
}

function ignoreDamage(error: unknown): void {
  if (!hasCode(error, 'IMAGE_DAMAGED')) throw error;
}
