import { statfs } from 'node:fs/promises';
import path from 'node:path';
import { errnoOf, withStoreErrors } from './store-errors.ts';

/** What the file system of a folder has left; of the nearest folder that exists, while it has not been made yet. STORE_UNUSABLE. */
export async function freeBytes(folder: string): Promise<number> {
  const failure = { code: 'STORE_UNUSABLE', action: 'measure the free space of', path: folder } as const;
  return await withStoreErrors(failure, async () => {
    try {
      const { bavail, bsize } = await statfs(folder);
      return bavail * bsize;
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' || folder === '/') throw error;
      return await freeBytes(path.dirname(folder));
    }
  });
}
