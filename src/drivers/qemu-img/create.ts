import type { CreateDiskOptions } from '../../model/ports/disk-tool.ts';
import { fillNewFile } from './new-file.ts';
import { METADATA_TIMEOUT_MS, plainPath, runQemuImg } from './run-qemu-img.ts';

/**
 * `qemu-img create`: a new file with mode 0600, empty or over a backing file whose format its header states. The
 * backing file may be open in a running guest. A file that exists is QEMU_IMG_FAILED.
 */
export async function createDisk(options: CreateDiskOptions, signal?: AbortSignal): Promise<void> {
  const path = plainPath(options.path);
  const args = createArguments(options);
  await fillNewFile(path, 'create', () =>
    runQemuImg('create', args, { on: path, timeoutMs: METADATA_TIMEOUT_MS, ...(signal && { signal }) }),
  );
}

function createArguments(options: CreateDiskOptions): string[] {
  const { backing, virtualSizeBytes } = options;
  return [
    '-q',
    ...['-f', options.format],
    ...(options.hasExtendedL2 === true ? ['-o', 'extended_l2=on'] : []),
    ...(backing === undefined ? [] : ['-b', plainPath(backing.path), '-F', backing.format]),
    '--',
    options.path,
    ...(virtualSizeBytes === undefined ? [] : [String(virtualSizeBytes)]),
  ];
}
