import { chmod, open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { newUuid } from '../../../../lib/uuid.ts';
import { FOLDER_MODE, imagesFolder } from '../../documents/layout.ts';
import { makeFolders, syncFolder } from '../../files/durable-files.ts';
import { IMAGE_FILE_MODE } from '../../files/file-modes.ts';
import type { ImageOwner } from '../../files/image-owner.ts';
import { withStoreErrors } from '../../files/store-errors.ts';
import type { ImagesContext } from './context.ts';

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
