import { newUuid } from '../lib/uuid.ts';
import { DarkroomError } from '../model/errors.ts';
import type { Image } from '../model/image.ts';
import { requireImageName, requireProperties } from '../model/image-request-rules.ts';
import type { UpdateImageRequest } from '../model/requests.ts';
import { findImage, requireOwnImage } from './steps/find-image.ts';
import type { Core } from './support/context.ts';
import { acquireLocks } from './support/operation-locks.ts';

/** Changes an image's record. A property with an empty value is taken away. */
export async function updateImage(core: Core, reference: string, changes: UpdateImageRequest): Promise<Image> {
  if (changes.name !== undefined) requireImageName(changes.name);
  if (changes.properties !== undefined) requireProperties(changes.properties);
  const found = await findImage(core, reference);
  requireOwnImage(core, found);
  if (changes.owner !== undefined) requireGiver(core, found);
  const { id } = found;
  const operationId = newUuid();
  await acquireLocks(core, { exclusive: [`image:${id}`], shared: [] }, { operationId, kind: 'image.set' });
  try {
    // what was found before the lock may have changed since
    const updated = applyChanges(requireSettled(await core.store.readImage(id)), changes);
    await core.store.updateImage(updated);
    return updated;
  } finally {
    await core.locks.release(operationId);
  }
}

/** Giving an image away would let anybody fill up somebody else's quota. */
function requireGiver({ caller }: Core, image: Image): void {
  if (caller.role === 'admin') return;
  throw new DarkroomError(
    'FORBIDDEN',
    `Only an admin may give the image ${image.name} (${image.id}) to another owner.`,
    {
      fields: { imageId: image.id, principal: caller.name },
    },
  );
}

function requireSettled(image: Image): Image {
  if (image.status === 'active' || image.status === 'error') return image;
  throw new DarkroomError(
    'IMAGE_STATE',
    `The image ${image.name} (${image.id}) is ${image.status}: it cannot be changed.`,
    {
      fields: { imageId: image.id, status: image.status },
    },
  );
}

function applyChanges(image: Image, changes: UpdateImageRequest): Image {
  return {
    ...image,
    name: changes.name ?? image.name,
    description: changes.description === undefined ? image.description : changes.description,
    protected: changes.isProtected ?? image.protected,
    visibility: changes.visibility ?? image.visibility,
    members: changes.members ?? image.members,
    owner: changes.owner ?? image.owner,
    properties: mergeProperties(image.properties, changes.properties ?? {}),
  };
}

function mergeProperties(
  current: Readonly<Record<string, string>>,
  changes: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries({ ...current, ...changes }).filter(([key]) => changes[key] !== ''));
}
