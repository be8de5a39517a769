import { DarkroomError } from '../../../../model/errors.ts';

export function alreadyThere(imageId: string): DarkroomError {
  return new DarkroomError('IMAGE_STATE', `Image ${imageId} is already in the store`, { fields: { imageId } });
}

export function stillDeleted(imageId: string): DarkroomError {
  const message =
    `There is a deleted image ${imageId} in the store, whose files would be overwritten: bring it back, ` +
    `or remove it for good (DELETE /v1/recycled-images/${imageId})`;
  return new DarkroomError('IMAGE_STATE', message, { fields: { imageId } });
}
