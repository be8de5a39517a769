import path from 'node:path';
import { mapConcurrently } from '../../../../lib/async.ts';
import type { ImageUser } from '../../../../model/image.ts';
import { MAX_USER_BYTES, parseUser, serialiseUser } from '../../documents/image-user.ts';
import { isUuid, userPath } from '../../documents/layout.ts';
import type { ImagesContext } from './context.ts';
import { imagePrefix, usersPrefix } from './keys.ts';
import { readImage } from './read.ts';

const CONCURRENT_READS = 16;
const SUFFIX = '.json';

/** By instance id. */
export async function listUsers({ bucket }: ImagesContext, imageId: string): Promise<readonly ImageUser[]> {
  const names = (await bucket.list(usersPrefix(imageId))).map(({ key }) => path.posix.basename(key));
  const ids = names.filter((name) => name.endsWith(SUFFIX)).map((name) => name.slice(0, -SUFFIX.length));
  const users = await mapConcurrently(ids.filter(isUuid).sort(), CONCURRENT_READS, async (instanceId) => {
    const found = await bucket.get(userPath('', { imageId, instanceId }), { maxBytes: MAX_USER_BYTES });
    // removed meanwhile
    return found === null ? null : parseUser(found.content.toString('utf8'), instanceId);
  });
  return users.filter((user) => user !== null);
}

/** Its copies are kept on this host before anybody hears of the user: a crash leaves one too many, never one too few. */
export async function addUser(context: ImagesContext, imageId: string, user: ImageUser): Promise<void> {
  const { bucket, mirror, hostName } = context;
  await readImage(bucket, imageId);
  const key = userPath('', { imageId, instanceId: user.instanceId });
  if (user.host === hostName) await mirror.pin(imagePrefix(imageId), user.instanceId);
  await bucket.put(key, serialiseUser(user));
  try {
    // another host may have deleted the image while we were writing: then nobody may build on it
    await readImage(bucket, imageId);
  } catch (error) {
    await bucket.remove([key]);
    await mirror.unpin(imagePrefix(imageId), user.instanceId);
    throw error;
  }
}

/** No error when there is no such user, or no such image. */
export async function removeUser(
  { bucket, mirror }: ImagesContext,
  imageId: string,
  instanceId: string,
): Promise<void> {
  await bucket.remove([userPath('', { imageId, instanceId })]);
  await mirror.unpin(imagePrefix(imageId), instanceId);
}
