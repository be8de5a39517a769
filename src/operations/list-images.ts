import { type Caller, isOwner, maySeeShared } from '../model/access.ts';
import type { Image } from '../model/image.ts';
import { takePage } from '../model/pages.ts';
import type { ImageFilter } from '../model/requests.ts';
import { findImage } from './steps/find-image.ts';
import type { Core } from './support/context.ts';

/** The images that the caller may see, newest first. One that cannot be read is logged and hides no other. */
export async function listImages(core: Core, filter: ImageFilter = {}): Promise<readonly Image[]> {
  const { images, broken } = await core.store.listImages();
  for (const { id, reason } of broken) core.log.warn({ imageId: id, reason }, 'an image is damaged and was left out');
  const seen = images.filter((image) => maySeeShared(core.caller, image) && matches(image, filter));
  return takePage(seen, filter).map((image) => asSeenBy(core.caller, image));
}

function matches(image: Image, { type, name, status, owner, visibility, instance, backupType }: ImageFilter): boolean {
  return (
    (type === undefined || image.properties['image_type'] === type) &&
    (name === undefined || image.name === name) &&
    (status === undefined || image.status === status) &&
    (owner === undefined || image.owner === owner) &&
    (visibility === undefined || image.visibility === visibility) &&
    (instance === undefined || image.properties['instance_uuid'] === instance) &&
    (backupType === undefined || image.properties['backup_type'] === backupType)
  );
}

export async function showImage(core: Core, reference: string): Promise<Image> {
  return asSeenBy(core.caller, await findImage(core, reference));
}

/** With whom else an image is shared is its owner's business. */
function asSeenBy(caller: Caller, image: Image): Image {
  return isOwner(caller, image) ? image : { ...image, members: image.members.filter((name) => name === caller.name) };
}
