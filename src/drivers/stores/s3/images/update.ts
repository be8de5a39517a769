import { DarkroomError } from '../../../../model/errors.ts';
import type { Image } from '../../../../model/image.ts';
import { imageNotFound, manifestPath } from '../../documents/layout.ts';
import { serialiseManifest } from '../../documents/manifest.ts';
import type { ImagesContext } from './context.ts';

const ATTEMPTS = 20;

/** Replaces whatever manifest is there, also a damaged one; where there is none, the image is gone. */
export async function updateImage(context: ImagesContext, image: Image): Promise<void> {
  const { bucket } = context;
  const key = manifestPath('', image.id);
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const seen = await bucket.head(key);
    if (seen === null) throw imageNotFound(image.id);
    if ((await bucket.put(key, serialiseManifest(image), { ifMatch: seen.etag })) === null) continue;
    await context.index.changed([image.id]);
    return;
  }
  const message = `The image ${image.id} is changed by others again and again: try again`;
  throw new DarkroomError('STORE_WRITE_FAILED', message, { fields: { imageId: image.id } });
}
