import { chmod, open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { newUuid } from '../../../../lib/uuid.ts';
import { DarkroomError } from '../../../../model/errors.ts';
import { FOLDER_MODE, imagesFolder } from '../../documents/layout.ts';
import { makeFolders, syncFolder } from '../../files/durable-files.ts';
import { IMAGE_FILE_MODE } from '../../files/file-modes.ts';
import type { ImageOwner } from '../../files/image-owner.ts';
import { withStoreErrors } from '../../files/store-errors.ts';
import type { Bucket } from '../bucket.ts';
import type { ImagesContext } from './context.ts';
import { IMAGES_PREFIX } from './keys.ts';

/** Does once, here and there, what making an image will do. STORE_UNUSABLE, NO_SPACE. */
export async function assertMirrorWritable({ mirror, owner }: ImagesContext): Promise<void> {
  const folder = mirror.path(imagesFolder(''));
  const imageOwner = await owner();
  await withStoreErrors({ code: 'STORE_UNUSABLE', action: 'use the folder', path: mirror.rootPath }, async () => {
    await makeFolders(folder, FOLDER_MODE);
    for (const each of [mirror.rootPath, folder]) await ensureTraversable(each);
    await probeFile(path.join(folder, `.probe-${newUuid()}`), imageOwner);
  });
}

/** Whatever umask or person set it otherwise: QEMU's user must pass. */
async function ensureTraversable(folder: string): Promise<void> {
  const { mode } = await stat(folder);
  if ((mode & 0o111) !== 0o111) await chmod(folder, (mode & 0o777) | FOLDER_MODE);
}

async function probeFile(file: string, owner: ImageOwner | null): Promise<void> {
  const renamed = `${file}.renamed`;
  try {
    const handle = await open(file, 'wx', 0o600);
    try {
      if (owner !== null) await handle.chown(owner.uid, owner.gid);
      await handle.chmod(IMAGE_FILE_MODE);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(file, renamed);
    await syncFolder(path.dirname(file));
  } finally {
    for (const each of [file, renamed]) await rm(each, { force: true });
  }
}

/** Every step of a claim rests on them: a server that ignores the conditions must be found out before two hosts rely on it. STORE_UNUSABLE. */
export async function assertConditionalWrites(bucket: Bucket): Promise<void> {
  const key = `${IMAGES_PREFIX}.probe-${newUuid()}`;
  try {
    const first = await bucket.put(key, newUuid(), { ifAbsent: true });
    if (first === null) throw unconditional(bucket, 'a write of what was not there was refused');
    if ((await bucket.put(key, newUuid(), { ifAbsent: true })) !== null)
      throw unconditional(bucket, 'If-None-Match was ignored');
    if ((await bucket.put(key, newUuid(), { ifMatch: first.etag })) === null)
      throw unconditional(bucket, 'If-Match of what is there was refused');
    if ((await bucket.put(key, newUuid(), { ifMatch: first.etag })) !== null)
      throw unconditional(bucket, 'If-Match was ignored');
  } finally {
    await bucket.remove([key]);
  }
}

function unconditional(bucket: Bucket, seen: string): DarkroomError {
  const message =
    `The store ${bucket.location} does not do conditional writes (${seen}): two hosts could take the same instance. ` +
    'Use a store that does, such as Ceph RGW 16 or newer or Amazon S3';
  return new DarkroomError('STORE_UNUSABLE', message, { fields: { location: bucket.location } });
}
