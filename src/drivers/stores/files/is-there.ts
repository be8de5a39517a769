import { lstat } from 'node:fs/promises';
import { errnoOf } from './store-errors.ts';

/** Something has this name, be it a link that leads nowhere. Only a clear "not there" is false: other failures are thrown as they are. */
export async function isThere(place: string): Promise<boolean> {
  try {
    await lstat(place);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}
