import { open, rm } from 'node:fs/promises';
import type { DownloadOptions } from '../../../../model/ports/image-store.ts';
import { damaged } from '../../documents/manifest.ts';
import { SECRET_FILE_MODE } from '../../files/file-modes.ts';
import { withStoreErrors } from '../../files/store-errors.ts';
import type { DownloadedFile, ObjectEntry } from '../bucket.ts';
import { readValidNote } from '../mirror/copy-note.ts';
import type { ImagesContext } from './context.ts';
import { fileKey, isFileName } from './keys.ts';
import { readImage } from './read.ts';

interface Fetch {
  readonly imageId: string;
  readonly file: string;
  readonly target: string;
}

/** As `ImageStore.fetchFile`. What this host has a copy of is not fetched again. */
export async function fetchFile(
  { bucket, mirror }: ImagesContext,
  { imageId, file, target }: Fetch,
  options: DownloadOptions = {},
): Promise<DownloadedFile | 'here'> {
  await readImage(bucket, imageId);
  if (!isFileName(file)) throw damaged(imageId, `${JSON.stringify(file)} is not a name of a file of an image`);
  const key = fileKey(imageId, file);
  const entry = await bucket.head(key);
  if (entry === null) throw damaged(imageId, `its file ${file} is missing`);
  if ((await readValidNote(mirror.path(key)))?.etag === entry.etag) return 'here';
  return await withStoreErrors({ code: 'STORE_WRITE_FAILED', action: 'fetch a file to', path: target }, () =>
    bringTo({ bucket }, { entry, target }, options),
  );
}

async function bringTo(
  { bucket }: Pick<ImagesContext, 'bucket'>,
  { entry, target }: { readonly entry: ObjectEntry; readonly target: string },
  options: DownloadOptions,
): Promise<DownloadedFile> {
  await (await open(target, 'wx', SECRET_FILE_MODE)).close();
  try {
    return await bucket.download(entry, target, options);
  } catch (error) {
    await rm(target, { force: true });
    throw error;
  }
}
