import { lstat, stat } from 'node:fs/promises';
import type { ImageDraft, TransferOptions } from '../../../../model/ports/image-store.ts';
import { imageFolder, partialPath } from '../../documents/layout.ts';
import { sealPartial } from '../../files/draft-files.ts';
import { IMAGE_FILE_MODE, SECRET_FILE_MODE } from '../../files/file-modes.ts';
import { withStoreErrors } from '../../files/store-errors.ts';
import type { ImagesContext } from './context.ts';
import { findUploaded } from './find-uploaded.ts';
import { fileKey } from './keys.ts';

type SealOptions = NonNullable<Parameters<ImageDraft['seal']>[1]>;

/** Gives it its name here, then brings it to the bucket, unless exactly that is there already. */
export async function sealFile(
  context: ImagesContext,
  { imageId, file }: { readonly imageId: string; readonly file: string },
  options: SealOptions = {},
): Promise<{ readonly sizeBytes: number }> {
  const { bucket, mirror } = context;
  const key = fileKey(imageId, file);
  const target = mirror.path(key);
  const access = { mode: options.isSecret === true ? SECRET_FILE_MODE : IMAGE_FILE_MODE, owner: await context.owner() };
  const sizeBytes = await withStoreErrors(
    { code: 'STORE_WRITE_FAILED', action: 'complete', path: target },
    async () => {
      // what has the name until now is another file
      if (await isThere(partialPath(target))) await mirror.forget(key);
      return await sealPartial(target, { folder: mirror.path(imageFolder('', imageId)), access });
    },
  );
  const uploaded = await findUploaded(context, { key, file: target, sizeBytes }, options.signal);
  if (uploaded !== null) options.onBytes?.(sizeBytes);
  await mirror.record(key, uploaded ?? (await bucket.upload(key, target, options)));
  return { sizeBytes };
}

/** Straight from where it lies. What this host may have under its name is another file then. */
export async function sealFileFrom(
  { bucket, mirror }: ImagesContext,
  { imageId, file, source }: { readonly imageId: string; readonly file: string; readonly source: string },
  options: TransferOptions = {},
): Promise<{ readonly sizeBytes: number; readonly sha256: string | null }> {
  const key = fileKey(imageId, file);
  const failure = { code: 'STORE_WRITE_FAILED', action: 'read', path: source } as const;
  const { size: sizeBytes } = await withStoreErrors(failure, () => stat(source));
  if ((await findUploaded({ bucket }, { key, file: source, sizeBytes }, options.signal)) !== null) {
    options.onBytes?.(sizeBytes);
    return { sizeBytes, sha256: null };
  }
  await mirror.forget(key);
  const sent = await bucket.upload(key, source, options);
  return { sizeBytes: sent.sizeBytes, sha256: sent.sha256 };
}

async function isThere(file: string): Promise<boolean> {
  return await lstat(file).then(
    () => true,
    () => false,
  );
}
