import { DarkroomError } from '../../model/errors.ts';
import type { DiskFile } from '../../model/ports/disk-tool.ts';
import { isProtocolName } from './backing-name.ts';
import { type Priority, plainPath, runQemuImg } from './run-qemu-img.ts';

export interface RebaseOptions {
  /** null: the disk takes over what it needs and stands alone. */
  readonly backing: DiskFile | null;
  /** Changes the name in the header only; the caller knows that the content is the same. */
  readonly isUnsafe?: boolean;
  /** Stands in the header instead of the backing's path, such as a name relative to the overlay's folder; unsafe only. */
  readonly backingName?: string;
  readonly priority?: Priority;
}

/**
 * `qemu-img rebase`: gives an overlay that nobody has open another backing file; the guest sees the same content. An
 * unsafe one opens neither the old nor the new backing file. Throws DISK_UNSUPPORTED for a name that is no file's.
 */
export async function rebaseDisk(disk: DiskFile, options: RebaseOptions, signal?: AbortSignal): Promise<void> {
  const path = plainPath(disk.path);
  const { backing } = options;
  const args = [
    ...(options.isUnsafe === true ? ['-u'] : []),
    ...['-f', disk.format],
    ...(backing === null ? ['-b', ''] : ['-b', nameBacking(backing, options), '-F', backing.format]),
    '--',
    path,
  ];
  await runQemuImg('rebase', args, { on: path, priority: options.priority, ...(signal && { signal }) });
}

function nameBacking(backing: DiskFile, { backingName, isUnsafe }: RebaseOptions): string {
  const path = plainPath(backing.path);
  if (backingName === undefined) return path;
  if (isUnsafe === true && backingName !== '' && !isProtocolName(backingName)) return backingName;
  throw new DarkroomError('DISK_UNSUPPORTED', `${JSON.stringify(backingName)} cannot be the name of a backing file`, {
    fields: { disk: path },
  });
}
