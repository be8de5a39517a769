import { lstat } from 'node:fs/promises';
import { mapConcurrently } from '../../../lib/async.ts';
import { DarkroomError } from '../../../model/errors.ts';
import type { Image } from '../../../model/image.ts';
import type { BrokenImage } from '../../../model/ports/image-store.ts';
import { sortNewestFirst } from '../documents/image-order.ts';
import { imageNotFound, imagesFolder, isUuid, manifestPath } from '../documents/layout.ts';
import { damaged, MAX_MANIFEST_BYTES, parseManifest } from '../documents/manifest.ts';
import { readReplaceableFile } from '../files/durable-files.ts';
import { listFolderNames } from '../files/list-names.ts';
import { errnoOf, explainUnreadable, withStoreErrors } from '../files/store-errors.ts';
import type { StoreContext } from './context.ts';

/** Enough to keep a file server busy; more gains nothing, since Node's own threads are fewer. */
const CONCURRENT_READS = 16;

type Reading = { readonly image: Image } | { readonly broken: BrokenImage } | null;

/** Reads every manifest; one that is broken is reported beside the others. */
export async function listImages(
  context: StoreContext,
): Promise<{ readonly images: readonly Image[]; readonly broken: readonly BrokenImage[] }> {
  const readings = await mapConcurrently(await listFolders(context), CONCURRENT_READS, (id) =>
    readOrExplain(context, id),
  );
  const images: Image[] = [];
  const broken: BrokenImage[] = [];
  for (const reading of readings) {
    if (reading === null) continue;
    if ('image' in reading) images.push(reading.image);
    else broken.push(reading.broken);
  }
  return { images: sortNewestFirst(images), broken };
}

export async function listDraftIds(context: StoreContext): Promise<readonly string[]> {
  const ids = await listFolders(context);
  const isDraft = await mapConcurrently(ids, CONCURRENT_READS, async (id) => !(await hasManifest(context, id)));
  return ids.filter((_, index) => isDraft[index]);
}

/** IMAGE_NOT_FOUND without a manifest, IMAGE_DAMAGED with one that cannot be used, STORE_UNUSABLE where reading fails. */
export async function readImage(context: StoreContext, imageId: string): Promise<Image> {
  const file = manifestPath(context.root, imageId);
  try {
    return parseManifest(await readReplaceableFile(file, MAX_MANIFEST_BYTES), imageId);
  } catch (error) {
    if (error instanceof DarkroomError) throw error;
    throw refuseUnreadable(imageId, error);
  }
}

function refuseUnreadable(imageId: string, error: unknown): DarkroomError {
  const errno = errnoOf(error);
  if (errno === 'ENOENT' || errno === 'ENOTDIR') return imageNotFound(imageId);
  return damaged(imageId, explainUnreadable('manifest', error));
}

async function readOrExplain(context: StoreContext, id: string): Promise<Reading> {
  try {
    return { image: await readImage(context, id) };
  } catch (error) {
    if (error instanceof DarkroomError && error.code === 'IMAGE_NOT_FOUND') return null;
    return { broken: { id, reason: error instanceof Error ? error.message : String(error) } };
  }
}

async function hasManifest(context: StoreContext, imageId: string): Promise<boolean> {
  const file = manifestPath(context.root, imageId);
  try {
    await lstat(file);
    return true;
  } catch (error) {
    // Anything but a clear "not there" leaves the folder alone: drafts get removed.
    return errnoOf(error) !== 'ENOENT';
  }
}

async function listFolders(context: StoreContext): Promise<readonly string[]> {
  const folder = imagesFolder(context.root);
  return await withStoreErrors({ code: 'STORE_UNUSABLE', action: 'read', path: folder }, async () =>
    (await listFolderNames(folder)).filter(isUuid),
  );
}
