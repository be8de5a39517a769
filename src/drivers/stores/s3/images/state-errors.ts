import { DarkroomError } from '../../../../model/errors.ts';

/** Somebody else was faster so often that something is wrong. */
export const STATE_ATTEMPTS = 20;

export function contended(imageId: string): DarkroomError {
  const message = `The image ${imageId} is deleted or brought back by others again and again: try again`;
  return new DarkroomError('STORE_WRITE_FAILED', message, { fields: { imageId } });
}
