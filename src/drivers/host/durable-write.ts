import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { newUuid } from '../../lib/uuid.ts';
import type { FileOwnership } from '../../model/ports/host.ts';
import { writing } from './translate-error.ts';

const PRIVATE_MODE = 0o600;

/**
 * Replaces a file so that a reader, also one after a power cut, finds the old content or the new one whole: temporary
 * name in the same folder, fsync, rename, fsync of the folder (https://lwn.net/Articles/457667/). Mode 0600 and our
 * own user unless `ownership` says otherwise, from before the first byte. On an error nothing is left behind. NO_SPACE.
 */
export async function writeFileDurably(
  target: string,
  content: string | Uint8Array,
  ownership: Partial<FileOwnership> = {},
): Promise<void> {
  const folder = path.dirname(target);
  const temporary = path.join(folder, `.darkroom-${newUuid()}.tmp`);
  await writing(target, async () => {
    try {
      await writeNewFile(temporary, content, ownership);
      await rename(temporary, target);
    } catch (error) {
      // A clean-up that fails must not hide why it was needed.
      await rm(temporary, { force: true }).catch(() => undefined);
      throw error;
    }
    await syncPath(folder);
  });
}

/** fsync(2) of a file or folder. */
export async function syncPath(target: string): Promise<void> {
  const file = await open(target, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** chown(2) and chmod(2) of what is stated, on an open file. */
export async function setHandleOwnership(file: FileHandle, ownership: Partial<FileOwnership>): Promise<void> {
  const { uid = -1, gid = -1, mode } = ownership;
  if (uid !== -1 || gid !== -1) await file.chown(uid, gid);
  if (mode !== undefined) await file.chmod(mode);
}

async function writeNewFile(
  temporary: string,
  content: string | Uint8Array,
  ownership: Partial<FileOwnership>,
): Promise<void> {
  const file = await open(temporary, 'wx', PRIVATE_MODE);
  try {
    await setHandleOwnership(file, ownership);
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}
