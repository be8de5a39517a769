import { lstat, rename, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { newUuid } from '../../../../lib/uuid.ts';
import { withStoreErrors } from '../../files/store-errors.ts';
import { notePath } from './copy-note.ts';
import { asidePath, type Copy, listCopies } from './list-copies.ts';
import { listPinned } from './pins.ts';

/** What was used so recently may be about to be opened. */
const IN_USE_MS = 60 * 60 * 1000;

/**
 * Removes copies until that much is freed, those first that are none, then those that were not used for the longest time; never one
 * that somebody wants to stay or that was used in the last hour. Returns how many bytes were freed. STORE_UNUSABLE, STORE_WRITE_FAILED.
 */
export async function evict(rootPath: string, wantedBytes: number): Promise<number> {
  let freedBytes = 0;
  for (const copy of sortForEviction(await listCopies(rootPath))) {
    if (freedBytes >= wantedBytes) break;
    if (isInUse(copy.usedAtMs)) continue;
    // asked anew each time: a launch may have begun meanwhile
    const pinned = await listPinned(rootPath);
    if (pinned.some((prefix) => copy.key.startsWith(prefix))) continue;
    if (await removeCopy(rootPath, copy.file)) freedBytes += copy.sizeBytes;
  }
  return freedBytes;
}

export function sortForEviction(copies: readonly Copy[]): readonly Copy[] {
  return [...copies].sort(
    (left, right) => Number(left.isValid) - Number(right.isValid) || left.usedAtMs - right.usedAtMs,
  );
}

/**
 * The note is taken aside first: whoever uses the copy touches it, and then looks whether it is there. False when somebody was
 * faster.
 */
async function removeCopy(rootPath: string, file: string): Promise<boolean> {
  return await withStoreErrors({ code: 'STORE_WRITE_FAILED', action: 'remove', path: file }, async () => {
    const aside = asidePath(file, newUuid());
    const isTaken = await rename(notePath(file), aside).then(
      () => true,
      () => false,
    );
    if (!isTaken) return false;
    if (isInUse((await lstat(aside)).mtimeMs)) {
      await rename(aside, notePath(file));
      return false;
    }
    await rm(file, { force: true });
    await rm(aside, { force: true });
    await removeEmptyFolders(rootPath, path.dirname(file));
    return true;
  });
}

/** From a folder upwards, never the mirror's own. */
export async function removeEmptyFolders(rootPath: string, folder: string): Promise<void> {
  if (!folder.startsWith(`${rootPath}${path.sep}`)) return;
  const isGone = await rmdir(folder).then(
    () => true,
    () => false,
  );
  if (isGone) await removeEmptyFolders(rootPath, path.dirname(folder));
}

function isInUse(usedAtMs: number): boolean {
  return Date.now() - usedAtMs < IN_USE_MS;
}
