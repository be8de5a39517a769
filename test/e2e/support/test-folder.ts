import { randomBytes } from 'node:crypto';
import { chmod, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';

/** Reachable by the user that QEMU runs as. */
export const IMAGES_FOLDER = '/var/lib/libvirt/images';

export interface TestFolder extends AsyncDisposable {
  readonly path: string;
}

/** For domains, images and folders. */
export function uniqueName(): string {
  return runName(randomBytes(4).toString('hex'));
}

/**
 * The same in all processes of a run. Names of all that it makes on a host are of this kind: scripts/test removes what a
 * killed run has left.
 */
export function runName(suffix: string): string {
  return `dr-test-${process.env['DARKROOM_TEST_RUN'] ?? process.pid}-${suffix}`;
}

/** A folder that QEMU may enter; removed when disposed of. */
export async function createTestFolder(name = uniqueName()): Promise<TestFolder> {
  const folder = path.join(IMAGES_FOLDER, name);
  await mkdir(folder);
  await chmod(folder, 0o711);
  return {
    path: folder,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
