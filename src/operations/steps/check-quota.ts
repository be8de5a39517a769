import { DarkroomError } from '../../model/errors.ts';
import { formatBytes } from '../../model/format-bytes.ts';
import { summariseDisks } from '../../model/image-rules.ts';
import type { Core } from '../support/context.ts';

/** QUOTA_EXCEEDED unless the store may take one more image of `plannedBytes`. Called before there is a draft of it. */
export async function checkQuota(core: Core, plannedBytes: number): Promise<void> {
  const { maxImages } = core.settings.quota;
  await checkByteQuota(core, plannedBytes);
  if (maxImages === null) return;
  const { images, broken } = await core.store.listImages();
  // images in the making count, so that two at once cannot slip through
  const count = images.length + broken.length + (await core.store.listDraftIds()).length;
  if (count + 1 > maxImages) throw tooMany(count, maxImages);
}

/** The same for bytes alone, when the true length of a draft is known. */
export async function checkByteQuota(core: Core, plannedBytes: number): Promise<void> {
  const { maxImageBytes } = core.settings.quota;
  if (maxImageBytes === null) return;
  const { sizeBytes } = summariseDisks((await core.store.listImages()).images);
  if (sizeBytes + plannedBytes > maxImageBytes) throw tooLarge({ usedBytes: sizeBytes, plannedBytes, maxImageBytes });
}

function tooMany(images: number, maxImages: number): DarkroomError {
  return new DarkroomError(
    'QUOTA_EXCEEDED',
    `The store holds ${images} images and may hold ${maxImages}. Delete images, or raise quota.max_images.`,
    { fields: { images, maxImages } },
  );
}

function tooLarge(seen: { usedBytes: number; plannedBytes: number; maxImageBytes: number }): DarkroomError {
  return new DarkroomError(
    'QUOTA_EXCEEDED',
    `The images take ${formatBytes(seen.usedBytes)} of the ${formatBytes(seen.maxImageBytes)} that they may take, and the ` +
      `new one needs ${formatBytes(seen.plannedBytes)}. Delete images, or raise quota.max_image_bytes.`,
    { fields: seen },
  );
}
