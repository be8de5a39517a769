import { lstat, realpath } from 'node:fs/promises';
import path from 'node:path';
import { imageFolder, imagesFolder, isSafeFileName } from '../documents/layout.ts';
import { damaged } from '../documents/manifest.ts';
import { errnoOf, withStoreErrors } from '../files/store-errors.ts';
import type { StoreContext } from './context.ts';
import { readImage } from './list.ts';

/** IMAGE_NOT_FOUND without a manifest; IMAGE_DAMAGED for a missing file, a link on the way, or anything but a regular file. */
export async function resolveFile(context: StoreContext, imageId: string, file: string): Promise<string> {
  await readImage(context, imageId);
  if (!isSafeFileName(file)) throw damaged(imageId, `${JSON.stringify(file)} is not a name of a file of an image`);
  const target = path.join(imageFolder(context.root, imageId), file);
  return await withStoreErrors({ code: 'STORE_UNUSABLE', action: 'read', path: target }, async () => {
    try {
      await assertPlainFile(context, { imageId, file, target });
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') throw damaged(imageId, `its file ${file} is missing`);
      throw error;
    }
    return target;
  });
}

async function assertPlainFile(
  context: StoreContext,
  options: { readonly imageId: string; readonly file: string; readonly target: string },
): Promise<void> {
  const { imageId, file, target } = options;
  if (!(await lstat(target)).isFile()) throw damaged(imageId, `its file ${file} is not a regular file`);
  // The store itself may be reached through a link; nothing inside of it may.
  const expected = path.join(await realpath(imagesFolder(context.root)), imageId, file);
  if ((await realpath(target)) !== expected) throw damaged(imageId, `its file ${file} lies behind a symbolic link`);
}
