import type { DiskFile } from '../../model/ports/disk-tool.ts';
import { collectKeys } from './disk-keys.ts';
import { nameDisk } from './open-disk.ts';
import { type Priority, plainPath, runQemuImg } from './run-qemu-img.ts';

const EXIT = { identical: 0, different: 1 } as const;

/** `qemu-img compare`: what a guest would read from both chains. A longer one may end in zeroes. */
export async function compareDisks(
  left: DiskFile,
  right: DiskFile,
  { signal, priority }: { readonly signal?: AbortSignal | undefined; readonly priority?: Priority } = {},
): Promise<boolean> {
  const paths = [plainPath(left.path), plainPath(right.path)];
  const keys = collectKeys();
  const names = [await nameDisk(left, { keys, signal }), await nameDisk(right, { keys, signal })];
  const { exitCode } = await runQemuImg('compare', ['-q', '-f', left.format, '-F', right.format, '--', ...names], {
    on: paths.join(' and '),
    keys,
    priority,
    acceptExitCodes: Object.values(EXIT),
    ...(signal && { signal }),
  });
  return exitCode === EXIT.identical;
}
