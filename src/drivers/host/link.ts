import { link, realpath, unlink } from 'node:fs/promises';
import path from 'node:path';
import { syncPath } from './durable-write.ts';
import { errnoOf, writing } from './translate-error.ts';

/** What link(2) answers where a second name cannot be had: https://man7.org/linux/man-pages/man2/link.2.html. */
const CANNOT_LINK = new Set(['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/**
 * A second name for a file, links to it followed, fsynced in its folder; the content is not. False where the file cannot
 * have one there: another file system, none with links, too many, an immutable file; then nothing is left at `target`. A
 * target that exists is EEXIST and stays as it is. NO_SPACE.
 */
export async function linkFile(source: string, target: string): Promise<boolean> {
  return await writing(target, async () => {
    if (!(await makeLink(source, target))) return false;
    try {
      await syncPath(path.dirname(target));
    } catch (error) {
      // A clean-up that fails must not hide why it was needed.
      await unlink(target).catch(() => undefined);
      throw error;
    }
    return true;
  });
}

async function makeLink(source: string, target: string): Promise<boolean> {
  try {
    // link(2) would give a symbolic link its second name, not the file.
    await link(await realpath(source), target);
    return true;
  } catch (error) {
    if (CANNOT_LINK.has(errnoOf(error) ?? '')) return false;
    throw error;
  }
}
