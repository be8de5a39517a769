import type { DiskFile } from '../../model/ports/disk-tool.ts';
import { type Priority, plainPath, runQemuImg } from './run-qemu-img.ts';

const EXIT = { identical: 0, different: 1 } as const;

/** `qemu-img compare`: what a guest would read from both chains. A longer one may end in zeroes. */
export async function compareDisks(
  left: DiskFile,
  right: DiskFile,
  { signal, priority }: { readonly signal?: AbortSignal | undefined; readonly priority?: Priority } = {},
): Promise<boolean> {
  const paths = [plainPath(left.path), plainPath(right.path)];
  const { exitCode } = await runQemuImg('compare', ['-q', '-f', left.format, '-F', right.format, '--', ...paths], {
    on: paths.join(' and '),
    priority,
    acceptExitCodes: Object.values(EXIT),
    ...(signal && { signal }),
  });
  return exitCode === EXIT.identical;
}
