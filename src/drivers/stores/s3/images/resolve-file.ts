import type { Image } from '../../../../model/image.ts';
import type { FetchOptions } from '../../../../model/ports/image-store.ts';
import { damaged } from '../../documents/manifest.ts';
import { translateDamage } from '../translate-damage.ts';
import type { ImagesContext } from './context.ts';
import { fileKey, isFileName } from './keys.ts';
import { readImage } from './read.ts';

/** IMAGE_NOT_FOUND without a manifest; IMAGE_DAMAGED for a file that is missing. What a guest does not open itself is secret. */
export async function resolveFile(
  { bucket, mirror }: ImagesContext,
  { imageId, file }: { readonly imageId: string; readonly file: string },
  options: FetchOptions = {},
): Promise<string> {
  const image = await readImage(bucket, imageId);
  if (!isFileName(file)) throw damaged(imageId, `${JSON.stringify(file)} is not a name of a file of an image`);
  const isSecret = !isForGuests(image, file);
  const found = await translateDamage(
    (reason) => damaged(imageId, reason),
    () => mirror.fetch(fileKey(imageId, file), { ...options, isSecret }),
  );
  if (found === null) throw damaged(imageId, `its file ${file} is missing`);
  return found;
}

function isForGuests({ disks, nvram }: Image, file: string): boolean {
  return nvram?.file === file || disks.some((disk) => disk.file === file);
}
