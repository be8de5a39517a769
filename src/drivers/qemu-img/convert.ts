import type { ConvertOptions } from '../../model/ports/disk-tool.ts';
import { formatDisk } from './create.ts';
import { collectKeys, type DiskKeys } from './disk-keys.ts';
import { joinOptions, refuseCompression } from './encryption.ts';
import { readDiskInfo } from './info.ts';
import { fillNewFile } from './new-file.ts';
import { nameDisk } from './open-disk.ts';
import { type Priority, plainPath, runQemuImg } from './run-qemu-img.ts';

type Converting = ConvertOptions & { readonly priority?: Priority };

/**
 * `qemu-img convert`: a flat copy with mode 0600 that holds everything its chain holds; runs of zeroes take no space.
 * With `backing` it holds what the top layer holds, zeroes too, and its header names the backing file by its full path;
 * what the source's own header names is not looked at. Not synced to disk. Its dirty bitmaps come along only when asked
 * for, and those flagged in-use never do. A target that exists is QEMU_IMG_FAILED; after a failure or CANCELLED there is
 * no target. An encrypted one cannot be compressed: DISK_UNSUPPORTED.
 */
export async function convertDisk(options: Converting, signal?: AbortSignal): Promise<void> {
  const { source, target, backing } = options;
  if (options.compression !== undefined) refuseCompression(target);
  const keys = collectKeys();
  const names = { source: await nameDisk(source, { keys, signal, backing }), target: plainPath(target.path) };
  await fillNewFile(target.path, 'convert', async () => {
    const isMade = target.key !== undefined;
    if (isMade) await createEncrypted(options, keys, signal);
    const made = isMade ? await nameDisk(target, { keys, signal, backing }) : null;
    const args = convertArguments(options, { source: names.source, target: made ?? names.target, isMade });
    await run(args, { options, keys, signal });
  });
}

/** By itself, convert would open the new file's encrypted backing file without its key. */
async function createEncrypted(options: Converting, keys: DiskKeys, signal?: AbortSignal): Promise<void> {
  const { source, target, backing } = options;
  const { virtualSizeBytes } = await readDiskInfo(source, signal);
  const below = backing === undefined ? {} : { backing };
  await formatDisk({ ...target, ...below, virtualSizeBytes, keys, isUnchecked: backing !== undefined }, signal);
}

interface Names {
  readonly source: string;
  readonly target: string;
  /** The target is there already, with everything that its header should say. */
  readonly isMade: boolean;
}

function convertArguments(options: Converting, { source, target, isMade }: Names): string[] {
  const { backing, compression, bandwidthBytesPerSecond = 0 } = options;
  const compressed = compression === undefined ? [] : [`compression_type=${compression}`];
  return [
    '-p',
    ...['-f', options.source.format, '-O', options.target.format],
    ...(isMade ? ['-n'] : joinOptions(compressed)),
    ...(isMade && backing === undefined ? ['--target-is-zero'] : []),
    ...(compression === undefined ? [] : ['-c']),
    ...(backing === undefined ? [] : ['-B', plainPath(backing.path), '-F', backing.format]),
    ...(options.hasBitmaps === true ? ['--bitmaps', '--skip-broken-bitmaps'] : []),
    ...(bandwidthBytesPerSecond === 0 ? [] : ['-r', String(bandwidthBytesPerSecond)]),
    '--',
    source,
    target,
  ];
}

interface Run {
  readonly options: Converting;
  readonly keys: DiskKeys;
  readonly signal: AbortSignal | undefined;
}

async function run(args: readonly string[], { options, keys, signal }: Run): Promise<void> {
  const { source, priority, onProgress, onStart } = options;
  const onLine = (line: string): void => {
    const fraction = parseProgress(line);
    if (fraction !== null) onProgress?.(fraction);
  };
  const watched = { onLine, ...(onStart && { onStart }), ...(signal && { signal }) };
  await runQemuImg('convert', args, { on: source.path, keys, priority, ...watched });
}

/** `    (12.34/100%)`, as -p prints it; null for any other line. */
export function parseProgress(line: string): number | null {
  const match = /^\s*\((\d+(?:\.\d+)?)\/100%\)\s*$/.exec(line);
  return match?.[1] === undefined ? null : Number(match[1]) / 100;
}
