import { hasCode } from '../../../../model/errors.ts';
import type { Image } from '../../../../model/image.ts';
import { imageNotFound, manifestPath } from '../../documents/layout.ts';
import { damaged, MAX_MANIFEST_BYTES, parseManifest } from '../../documents/manifest.ts';
import type { Bucket, SmallObject } from '../bucket.ts';

/** One request. IMAGE_NOT_FOUND without a manifest, IMAGE_DAMAGED with one that cannot be used, STORE_UNUSABLE. */
export async function readImage(bucket: Bucket, imageId: string): Promise<Image> {
  const found = await readManifest(bucket, imageId);
  if (found === null) throw imageNotFound(imageId);
  return parseManifest(found.content.toString('utf8'), imageId);
}

/** null when there is none. IMAGE_DAMAGED for one that is far too long. */
export async function readManifest(bucket: Bucket, imageId: string): Promise<SmallObject | null> {
  try {
    return await bucket.get(manifestPath('', imageId), { maxBytes: MAX_MANIFEST_BYTES });
  } catch (error) {
    if (!hasCode(error, 'STORE_UNUSABLE') || error.fields['maxBytes'] === undefined) throw error;
    throw damaged(imageId, `its manifest has more than ${MAX_MANIFEST_BYTES} bytes`);
  }
}

export async function isPublished(bucket: Bucket, imageId: string): Promise<boolean> {
  return (await bucket.head(manifestPath('', imageId))) !== null;
}
