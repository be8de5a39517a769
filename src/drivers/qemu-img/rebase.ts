import type { DiskFile } from '../../model/ports/disk-tool.ts';
import { requireFileName, unnameable } from './backing-name.ts';
import { collectKeys, type DiskKeys } from './disk-keys.ts';
import { nameAlone, nameDisk } from './open-disk.ts';
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
 * unsafe one opens neither the old nor the new backing file. Over an encrypted one it takes two steps: killed between
 * them, it leaves a header that infoChain refuses. Throws DISK_UNSUPPORTED for a name that is no file's.
 */
export async function rebaseDisk(disk: DiskFile, options: RebaseOptions, signal?: AbortSignal): Promise<void> {
  const { backing, priority } = options;
  if (options.isUnsafe === true) return await renameBacking(disk, options, signal);
  if (options.backingName !== undefined) throw unnameable(options.backingName, disk);
  const keys = collectKeys();
  const below = backing === null ? null : { ...backing, name: await nameDisk(backing, { keys, signal }) };
  const name = await nameDisk(disk, { keys, signal });
  await run({ disk, name, keys }, { below, priority, signal });
  // What opened the encrypted one must not stay in the header.
  if (below !== null && below.name !== below.path) await renameBacking(disk, options, signal);
}

async function renameBacking(disk: DiskFile, options: RebaseOptions, signal?: AbortSignal): Promise<void> {
  const { backing, backingName, priority } = options;
  const below = backing === null ? null : { ...backing, name: backingName ?? plainPath(backing.path) };
  if (backingName !== undefined) requireFileName(backingName, disk);
  const keys = collectKeys();
  const name = await nameAlone(disk, { keys, signal });
  await run({ disk, name, keys }, { below, priority, signal, isUnsafe: true });
}

interface Below {
  readonly name: string;
  readonly format: string;
}

async function run(
  { disk, name, keys }: { readonly disk: DiskFile; readonly name: string; readonly keys: DiskKeys },
  options: {
    readonly below: Below | null;
    readonly isUnsafe?: boolean;
    readonly priority: Priority | undefined;
    readonly signal: AbortSignal | undefined;
  },
): Promise<void> {
  const { below, priority, signal } = options;
  const args = [
    ...(options.isUnsafe === true ? ['-u'] : []),
    ...['-f', disk.format],
    ...(below === null ? ['-b', ''] : ['-b', below.name, '-F', below.format]),
    '--',
    name,
  ];
  await runQemuImg('rebase', args, { on: disk.path, keys, priority, ...(signal && { signal }) });
}
