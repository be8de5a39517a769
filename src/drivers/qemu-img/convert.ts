import type { ConvertOptions } from '../../model/ports/disk-tool.ts';
import { describeFile, toJsonName } from './block-spec.ts';
import { fillNewFile } from './new-file.ts';
import { type Priority, plainPath, runQemuImg } from './run-qemu-img.ts';

/**
 * `qemu-img convert`: a flat copy with mode 0600 that holds everything its chain holds; runs of zeroes take no space.
 * With `backing` it holds what the top layer holds, zeroes too, and its header names the backing file by its full path. Not synced to disk. Its dirty bitmaps come along only when asked for, and those flagged in-use never do. A target that exists is QEMU_IMG_FAILED; after a failure or CANCELLED there is no target.
 */
export async function convertDisk(
  options: ConvertOptions & { readonly priority?: Priority },
  signal?: AbortSignal,
): Promise<void> {
  const target = plainPath(options.target.path);
  const args = convertArguments(options, await nameSource(options));
  const { onProgress, onStart } = options;
  const onLine = (line: string): void => {
    const fraction = parseProgress(line);
    if (fraction !== null) onProgress?.(fraction);
  };
  await fillNewFile(target, 'convert', () =>
    runQemuImg('convert', args, {
      on: options.source.path,
      onLine,
      priority: options.priority,
      ...(onStart && { onStart }),
      ...(signal && { signal }),
    }),
  );
}

/** Over the backing file that was stated: the source's own header may name one that is elsewhere by now, or none. */
async function nameSource({ source, backing }: ConvertOptions): Promise<string> {
  const path = plainPath(source.path);
  if (backing === undefined) return path;
  const below = { driver: backing.format, file: await describeFile(plainPath(backing.path)) };
  return toJsonName({ driver: source.format, file: await describeFile(path), backing: below });
}

function convertArguments(options: ConvertOptions, source: string): string[] {
  const { target, backing, compression, bandwidthBytesPerSecond = 0 } = options;
  return [
    '-p',
    ...['-f', options.source.format, '-O', target.format],
    ...(backing === undefined ? [] : ['-B', backing.path, '-F', backing.format]),
    ...(compression === undefined ? [] : ['-c', '-o', `compression_type=${compression}`]),
    ...(options.hasBitmaps === true ? ['--bitmaps', '--skip-broken-bitmaps'] : []),
    ...(bandwidthBytesPerSecond === 0 ? [] : ['-r', String(bandwidthBytesPerSecond)]),
    '--',
    source,
    target.path,
  ];
}

/** `    (12.34/100%)`, as -p prints it; null for any other line. */
export function parseProgress(line: string): number | null {
  const match = /^\s*\((\d+(?:\.\d+)?)\/100%\)\s*$/.exec(line);
  return match?.[1] === undefined ? null : Number(match[1]) / 100;
}
