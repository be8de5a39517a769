import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { ImageUser } from '../../../model/image.ts';
import { MAX_USER_BYTES, parseUser, serialiseUser, unknownUser } from '../documents/image-user.ts';
import { PRIVATE_FOLDER_MODE, userPath, usersFolder } from '../documents/layout.ts';
import { makeFolder, readSmallFile, replaceFile, syncFolder } from '../files/durable-files.ts';
import { SECRET_FILE_MODE } from '../files/file-modes.ts';
import { errnoOf, type StoreFailure, withStoreErrors } from '../files/store-errors.ts';
import type { StoreContext } from './context.ts';
import { readImage } from './list.ts';
import { listRecordIds } from './list-record-ids.ts';

/** By instance id. A document that cannot be read still counts: better an image too many than a guest without its disk. */
export async function listUsers(context: StoreContext, imageId: string): Promise<readonly ImageUser[]> {
  const folder = usersFolder(context.root, imageId);
  return await withStoreErrors({ code: 'STORE_UNUSABLE', action: 'read', path: folder }, async () => {
    const users: ImageUser[] = [];
    for (const instanceId of await listRecordIds(folder)) {
      const user = await readUser(path.join(folder, `${instanceId}.json`), instanceId);
      if (user !== null) users.push(user);
    }
    return users;
  });
}

export async function addUser(context: StoreContext, imageId: string, user: ImageUser): Promise<void> {
  await readImage(context, imageId);
  const target = userPath(context.root, { imageId, instanceId: user.instanceId });
  const text = serialiseUser(user);
  await withStoreErrors(writeFailure(target), async () => {
    if (await makeFolder(path.dirname(target), PRIVATE_FOLDER_MODE))
      await syncFolder(path.dirname(path.dirname(target)));
    await replaceFile(target, text, { mode: SECRET_FILE_MODE, owner: null });
  });
  await assertStillThere(context, { imageId, target });
}

/** Another host may have deleted the image while we were writing: then nobody may build on it. */
async function assertStillThere(
  context: StoreContext,
  user: { readonly imageId: string; readonly target: string },
): Promise<void> {
  try {
    await readImage(context, user.imageId);
  } catch (error) {
    await rm(user.target, { force: true });
    throw error;
  }
}

/** No error when there is no such user, or no such image. */
export async function removeUser(context: StoreContext, imageId: string, instanceId: string): Promise<void> {
  const target = userPath(context.root, { imageId, instanceId });
  await withStoreErrors(writeFailure(target), async () => {
    try {
      await rm(target);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return;
      throw error;
    }
    await syncFolder(path.dirname(target));
  });
}

/** null when it was removed meanwhile. */
async function readUser(file: string, instanceId: string): Promise<ImageUser | null> {
  try {
    return parseUser(await readSmallFile(file, MAX_USER_BYTES), instanceId);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    return unknownUser(instanceId);
  }
}

function writeFailure(target: string): StoreFailure {
  return { code: 'STORE_WRITE_FAILED', action: 'write', path: target };
}
