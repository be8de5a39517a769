import { isUuid } from '../../lib/uuid.ts';
import { isOwner } from '../../model/access.ts';
import { DarkroomError } from '../../model/errors.ts';
import type { RecycledImage } from '../../model/recycled-image.ts';
import type { Core } from '../support/context.ts';

/** The caller's own deleted images, last deleted first. One that cannot be read is logged and hides no other. */
export async function listOwnRecycled(core: Core): Promise<readonly RecycledImage[]> {
  const { recycled, broken } = await core.store.listRecycled();
  for (const { id, reason } of broken) {
    core.log.warn({ imageId: id, reason }, 'a deleted image is damaged and was left out');
  }
  return recycled.filter(({ image }) => isOwner(core.caller, image)).reverse();
}

/** The caller's own deleted image with that id or, failing that, the only one with that name. IMAGE_NOT_FOUND, AMBIGUOUS_NAME. */
export async function findRecycled(core: Core, reference: string): Promise<RecycledImage> {
  const own = await listOwnRecycled(core);
  const byId = isUuid(reference) ? own.find(({ id }) => id === reference.toLowerCase()) : undefined;
  if (byId !== undefined) return byId;
  const [found, ...others] = own.filter(({ image }) => image.name === reference);
  if (found === undefined) throw notFound(reference);
  if (others.length > 0) throw ambiguous(reference, [found, ...others]);
  return found;
}

/** The same for one that shall go for good; an admin may name one that cannot be read, by its id. */
export async function findPurgeable(
  core: Core,
  reference: string,
): Promise<{ readonly id: string; readonly name: string }> {
  if (isUuid(reference) && core.caller.role === 'admin') {
    const id = reference.toLowerCase();
    const { broken, halfPurgedIds } = await core.store.listRecycled();
    if (broken.some((entry) => entry.id === id) || halfPurgedIds.includes(id)) return { id, name: id };
  }
  const { id, image } = await findRecycled(core, reference);
  return { id, name: image.name };
}

function notFound(reference: string): DarkroomError {
  return new DarkroomError(
    'IMAGE_NOT_FOUND',
    `No deleted image that can be brought back is called ${JSON.stringify(reference)}. darkroom image list --deleted shows what there is.`,
    { fields: { image: reference } },
  );
}

function ambiguous(reference: string, recycled: readonly RecycledImage[]): DarkroomError {
  const ids = recycled.map(({ id }) => id);
  return new DarkroomError(
    'AMBIGUOUS_NAME',
    `${ids.length} deleted images are called ${JSON.stringify(reference)}: name one by its id: ${ids.join(', ')}.`,
    { fields: { image: reference, ids: ids.join(', ') } },
  );
}
