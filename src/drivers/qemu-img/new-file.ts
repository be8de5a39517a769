import { open, rm } from 'node:fs/promises';
import { DarkroomError } from '../../model/errors.ts';

const PRIVATE_MODE = 0o600;

/**
 * Makes an empty file that only its owner can read, lets `fill` write it, and removes it again when that fails:
 * qemu-img would create it readable for all and overwrites what is there, but keeps the mode of a file that exists.
 * Throws QEMU_IMG_FAILED when something is there already, NO_SPACE.
 */
export async function fillNewFile(path: string, subcommand: string, fill: () => Promise<unknown>): Promise<void> {
  await createEmpty(path, subcommand);
  try {
    await fill();
  } catch (error) {
    // A clean-up that fails must not hide why it was needed.
    await rm(path, { force: true }).catch(() => undefined);
    throw error;
  }
}

async function createEmpty(path: string, subcommand: string): Promise<void> {
  try {
    await (await open(path, 'wx', PRIVATE_MODE)).close();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    const isFull = code === 'ENOSPC' || code === 'EDQUOT';
    const seen = error instanceof Error ? error.message : String(error);
    throw new DarkroomError(isFull ? 'NO_SPACE' : 'QEMU_IMG_FAILED', `cannot create ${path}: ${seen}`, {
      fields: { subcommand, disk: path, exitCode: null },
      cause: error,
    });
  }
}
