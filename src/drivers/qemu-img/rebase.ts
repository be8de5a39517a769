import type { DiskFile } from '../../model/ports/disk-tool.ts';
import { type Priority, plainPath, runQemuImg } from './run-qemu-img.ts';

export interface RebaseOptions {
  /** null: the disk takes over what it needs and stands alone. */
  readonly backing: DiskFile | null;
  /** Changes the name in the header only; the caller knows that the content is the same. */
  readonly isUnsafe?: boolean;
  readonly priority?: Priority;
}

/** `qemu-img rebase`: gives an overlay that nobody has open another backing file; the guest sees the same content. */
export async function rebaseDisk(disk: DiskFile, options: RebaseOptions, signal?: AbortSignal): Promise<void> {
  const path = plainPath(disk.path);
  const { backing } = options;
  const args = [
    ...(options.isUnsafe === true ? ['-u'] : []),
    ...['-f', disk.format],
    ...(backing === null ? ['-b', ''] : ['-b', plainPath(backing.path), '-F', backing.format]),
    '--',
    path,
  ];
  await runQemuImg('rebase', args, { on: path, priority: options.priority, ...(signal && { signal }) });
}
