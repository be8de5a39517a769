import { lstat, rm } from 'node:fs/promises';
import { DarkroomError } from '../../../model/errors.ts';
import { imageFolder, imagesFolder, manifestPath } from '../documents/layout.ts';
import { syncFolder } from '../files/durable-files.ts';
import { errnoOf, withStoreErrors } from '../files/store-errors.ts';
import type { StoreContext } from './context.ts';

/** Manifest first and durably, so that whatever happens then, nobody takes the rest for an image. */
export async function deleteImage(context: StoreContext, imageId: string): Promise<void> {
  const folder = imageFolder(context.root, imageId);
  await withStoreErrors({ code: 'STORE_WRITE_FAILED', action: 'delete', path: folder }, async () => {
    if (!(await isFolder(folder))) return;
    await rm(manifestPath(context.root, imageId), { force: true });
    await syncFolder(folder);
    // Links inside are removed as links; what they point to is not ours.
    await rm(folder, { recursive: true, force: true });
    await syncFolder(imagesFolder(context.root));
  });
}

/** False when nothing is there; IMAGE_DAMAGED where a link or a file stands in its place. */
export async function isFolder(folder: string): Promise<boolean> {
  try {
    if ((await lstat(folder)).isDirectory()) return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
  const message = `Will not delete ${folder}: it is not a folder but a link or a file. Look at what it is, and remove it by hand`;
  throw new DarkroomError('IMAGE_DAMAGED', message, { fields: { path: folder } });
}
