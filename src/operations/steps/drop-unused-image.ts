import { hasCode } from '../../model/errors.ts';
import type { Image, ImageUser } from '../../model/image.ts';
import type { Core } from '../support/context.ts';
import { readUsage } from './image-users.ts';

/**
 * Marked as going first and then looked at for users, as a delete by hand does: a launch on another host records itself and then looks
 * at the status. Returns who depends on it: then it stays. No error when it is gone.
 */
export async function dropUnusedImage(core: Core, imageId: string): Promise<readonly ImageUser[]> {
  const image = await findReadableImage(core, imageId);
  if (image !== null && image.status !== 'deleting') await core.store.updateImage({ ...image, status: 'deleting' });
  const users = image === null ? [] : (await readUsage(core, imageId)).users;
  if (users.length === 0) await core.store.deleteImage(imageId);
  else if (image !== null)
    await core.store.updateImage({ ...image, status: image.status === 'error' ? 'error' : 'active' });
  return users;
}

export async function findReadableImage(core: Core, imageId: string): Promise<Image | null> {
  try {
    return await core.store.readImage(imageId);
  } catch (error) {
    if (hasCode(error, 'IMAGE_NOT_FOUND', 'IMAGE_DAMAGED')) return null;
    throw error;
  }
}

export function describeKept(imageId: string, users: readonly ImageUser[]): string {
  const who = users.map((user) => `${user.instanceName} on ${user.host}`).join(', ');
  return `The image ${imageId} is kept: it is the base of the disks of ${who}.`;
}
