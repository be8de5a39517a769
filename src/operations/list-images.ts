import type { Image } from '../model/image.ts';
import type { ImageFilter } from '../model/requests.ts';
import { findImage } from './steps/find-image.ts';
import type { Core } from './support/context.ts';

/** All images of the store that can be read, newest first. One that cannot is logged and hides no other. */
export async function listImages(core: Core, filter: ImageFilter = {}): Promise<readonly Image[]> {
  const { images, broken } = await core.store.listImages();
  for (const { id, reason } of broken) core.log.warn({ imageId: id, reason }, 'an image is damaged and was left out');
  const { type } = filter;
  return type === undefined ? images : images.filter((image) => image.properties['image_type'] === type);
}

export async function showImage(core: Core, reference: string): Promise<Image> {
  return await findImage(core, reference);
}
