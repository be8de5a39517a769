import path from 'node:path';
import { runCommand, tryCommand } from './run-command.ts';
import { createTestFolder } from './test-folder.ts';

export interface LoopDevice extends AsyncDisposable {
  /** Path of the block device. */
  readonly path: string;
}

/** A host block device, for guests whose disk is one. Detached and removed when disposed of. */
export async function createLoopDevice(sizeMiB: number): Promise<LoopDevice> {
  const folder = await createTestFolder();
  const image = path.join(folder.path, 'device.img');
  await runCommand('truncate', ['-s', `${sizeMiB}M`, image]);
  const device = (await runCommand('losetup', ['--find', '--show', image])).trim();
  return {
    path: device,
    [Symbol.asyncDispose]: async () => {
      await tryCommand('losetup', ['--detach', device]);
      await folder[Symbol.asyncDispose]();
    },
  };
}
