import { stat, truncate } from 'node:fs/promises';
import { CommandFailed } from '../../lib/command-errors.ts';
import { runCommand } from '../../lib/run-command.ts';
import { DarkroomError } from '../../model/errors.ts';

/** What fallocate(1) says where the file system has no such thing: fallocate(2). */
const CANNOT_RESERVE =
  /Operation not supported|Function not implemented|fallocate failed: keep size mode is unsupported/;
const IS_FULL = /No space left on device|Disk quota exceeded/;

/**
 * fallocate(1) with FALLOC_FL_KEEP_SIZE (https://man7.org/linux/man-pages/man2/fallocate.2.html): holes and the room
 * beyond the file's end are taken, up to `totalBytes`; the length stays. False where the file system cannot. NO_SPACE;
 * what a full disk gave until then is given back.
 */
export async function reserveSpace(path: string, totalBytes: number): Promise<boolean> {
  // fallocate(1) would create what is not there
  await stat(path);
  if (totalBytes === 0) return true;
  try {
    await runCommand({ file: 'fallocate', args: ['--keep-size', '--length', String(totalBytes), '--', path] });
    return true;
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    if (CANNOT_RESERVE.test(error.stderr)) return false;
    if (!IS_FULL.test(error.stderr)) throw error;
    await releaseReserve(path).catch(() => undefined);
    throw new DarkroomError('NO_SPACE', `no room for ${totalBytes} bytes at ${path}: free some and try again`, {
      fields: { path },
      cause: error,
    });
  }
}

/** Gives back what was reserved beyond the file's end, by ftruncate(2) to the length that it has. Nobody may write to it. */
export async function releaseReserve(path: string): Promise<void> {
  await truncate(path, (await stat(path)).size);
}
