import type { Image } from '../../../model/image.ts';
import type { RecycledImage } from '../../../model/recycled-image.ts';

export function sortNewestFirst(images: readonly Image[]): readonly Image[] {
  return images
    .map((image) => ({ image, at: Date.parse(image.createdAt) }))
    .sort((left, right) => right.at - left.at || (left.image.id < right.image.id ? -1 : 1))
    .map(({ image }) => image);
}

export function sortByDeletion(recycled: readonly RecycledImage[]): readonly RecycledImage[] {
  return [...recycled].sort(
    (left, right) => Date.parse(left.deletedAt) - Date.parse(right.deletedAt) || (left.id < right.id ? -1 : 1),
  );
}
