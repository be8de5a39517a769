import { isUuid } from '../../lib/uuid.ts';
import { isOwner, maySeeShared } from '../../model/access.ts';
import { DarkroomError, hasCode } from '../../model/errors.ts';
import type { Image } from '../../model/image.ts';
import type { Core } from '../support/context.ts';

/**
 * The image that the caller may see with that id or, failing that, the only one with that name. IMAGE_NOT_FOUND, AMBIGUOUS_NAME;
 * IMAGE_DAMAGED for an admin alone: whose it is stands in what cannot be read.
 */
export async function findImage(core: Core, reference: string): Promise<Image> {
  if (isUuid(reference)) {
    try {
      const image = await core.store.readImage(reference.toLowerCase());
      if (maySeeShared(core.caller, image)) return image;
    } catch (error) {
      const isHidden = hasCode(error, 'IMAGE_DAMAGED') && core.caller.role !== 'admin';
      if (!isHidden && !hasCode(error, 'IMAGE_NOT_FOUND')) throw error;
    }
  }
  const { images } = await core.store.listImages();
  const [found, ...others] = images.filter((image) => image.name === reference && maySeeShared(core.caller, image));
  if (found === undefined) throw notFound(core, reference);
  if (others.length > 0) throw ambiguous(reference, [found, ...others]);
  return found;
}

function notFound(core: Core, reference: string): DarkroomError {
  return new DarkroomError(
    'IMAGE_NOT_FOUND',
    `No image is called ${JSON.stringify(reference)} in ${core.store.location}. darkroom image list shows what there is.`,
    { fields: { image: reference } },
  );
}

function ambiguous(reference: string, images: readonly Image[]): DarkroomError {
  const ids = images.map((image) => image.id).join(', ');
  return new DarkroomError(
    'AMBIGUOUS_NAME',
    `${images.length} images are called ${JSON.stringify(reference)}: name one by its id: ${ids}.`,
    { fields: { image: reference, ids } },
  );
}

/** FORBIDDEN unless the image is the caller's own. */
export function requireOwnImage({ caller }: Core, image: Image): void {
  if (isOwner(caller, image)) return;
  throw new DarkroomError(
    'FORBIDDEN',
    `The image ${image.name} (${image.id}) belongs to ${image.owner ?? 'the host'}: ${caller.name} may read it, and no more.`,
    { fields: { imageId: image.id, principal: caller.name } },
  );
}

/** IMAGE_STATE unless the image is active. */
export function requireActive(image: Image): void {
  if (image.status === 'active') return;
  throw new DarkroomError(
    'IMAGE_STATE',
    `The image ${image.name} (${image.id}) is ${image.status}, not active. ` +
      (image.status === 'error' ? 'It failed a verify: make a new one.' : 'Wait for it, or delete it.'),
    { fields: { imageId: image.id, status: image.status } },
  );
}
