import { DarkroomError } from '../../model/errors.ts';

/** Code of a Node error, such as ENOENT; null for anything else. */
export function errnoOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

/** Does work that writes to `path`; a full disk or a spent quota becomes NO_SPACE, other errors come through. */
export async function writing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = errnoOf(error);
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error;
    const seen = code === 'ENOSPC' ? 'no space is left on its file system' : 'the disk quota is used up';
    throw new DarkroomError('NO_SPACE', `cannot write ${path}: ${seen}. Free some and try again`, {
      fields: { path },
      cause: error,
    });
  }
}
