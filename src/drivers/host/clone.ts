import { constants } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { errnoOf, writing } from './translate-error.ts';

/** What FICLONE answers where blocks cannot be shared: ioctl_ficlone(2). */
const CANNOT_CLONE = new Set(['ENOTSUP', 'EOPNOTSUPP', 'EXDEV', 'EINVAL', 'ENOSYS', 'ENOTTY']);

/**
 * A copy that shares its blocks with the source, with the source's mode. False where the file system cannot, or the two
 * lie on different ones; then nothing is left at `target`. A target that exists is EEXIST and stays as it is. NO_SPACE.
 */
export async function cloneFile(source: string, target: string): Promise<boolean> {
  try {
    await writing(target, () => copyFile(source, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE));
    return true;
  } catch (error) {
    if (CANNOT_CLONE.has(errnoOf(error) ?? '')) return false;
    throw error;
  }
}
