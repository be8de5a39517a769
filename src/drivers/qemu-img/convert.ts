import type { ConvertOptions } from '../../model/ports/disk-tool.ts';
import { fillNewFile } from './new-file.ts';
import { type Priority, plainPath, runQemuImg } from './run-qemu-img.ts';

/**
 * `qemu-img convert`: a flat copy with mode 0600 that holds everything its chain holds; runs of zeroes take no space.
 * Not synced to disk. Its dirty bitmaps come along only when asked for, and those flagged in-use never do. A target that exists is QEMU_IMG_FAILED; after a failure or CANCELLED there is no target.
 */
export async function convertDisk(
  options: ConvertOptions & { readonly priority?: Priority },
  signal?: AbortSignal,
): Promise<void> {
  const target = plainPath(options.target.path);
  const args = convertArguments(options);
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

function convertArguments(options: ConvertOptions): string[] {
  const { source, target, bandwidthBytesPerSecond = 0 } = options;
  return [
    '-p',
    ...['-f', source.format, '-O', target.format],
    ...(options.hasBitmaps === true ? ['--bitmaps', '--skip-broken-bitmaps'] : []),
    ...(bandwidthBytesPerSecond === 0 ? [] : ['-r', String(bandwidthBytesPerSecond)]),
    '--',
    plainPath(source.path),
    target.path,
  ];
}

/** `    (12.34/100%)`, as -p prints it; null for any other line. */
export function parseProgress(line: string): number | null {
  const match = /^\s*\((\d+(?:\.\d+)?)\/100%\)\s*$/.exec(line);
  return match?.[1] === undefined ? null : Number(match[1]) / 100;
}
