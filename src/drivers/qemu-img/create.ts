import { DarkroomError } from '../../model/errors.ts';
import type { CreateDiskOptions } from '../../model/ports/disk-tool.ts';
import { requireFileName } from './backing-name.ts';
import { collectKeys, type DiskKeys } from './disk-keys.ts';
import { encryptionOptions, joinOptions } from './encryption.ts';
import { fillNewFile } from './new-file.ts';
import { METADATA_TIMEOUT_MS, plainPath, runQemuImg } from './run-qemu-img.ts';

const MEASURING_ATTEMPTS = 50;

/**
 * `qemu-img create`: a new file with mode 0600, empty or over a backing file whose format its header states. The
 * backing file may be open in a running guest. A file that exists is QEMU_IMG_FAILED. With a key: LUKS-encrypted. With
 * `backingName` nothing is looked at but the new file: DISK_UNSUPPORTED for a name that is no file's.
 */
export async function createDisk(options: CreateDiskOptions, signal?: AbortSignal): Promise<void> {
  const path = plainPath(options.path);
  if (options.backingName !== undefined) requireFileName(options.backingName, { path });
  const keys = collectKeys();
  await fillNewFile(path, 'create', () => formatDisk({ ...options, keys }, signal));
}

export interface FormatOptions extends CreateDiskOptions {
  readonly keys: DiskKeys;
  /** Does not look at the backing file; the size must be stated. */
  readonly isUnchecked?: boolean;
}

/** What createDisk does to the empty file that is there. */
export async function formatDisk(options: FormatOptions, signal?: AbortSignal): Promise<void> {
  const { path, keys } = options;
  const args = createArguments(options);
  const run = () =>
    runQemuImg('create', args, { on: path, keys, timeoutMs: METADATA_TIMEOUT_MS, ...(signal && { signal }) });
  await (options.key === undefined ? run() : untilMeasured(run));
}

/**
 * Before QEMU 9.1 the measuring of this host's speed fails by chance, wherever the kernel has not yet counted a tick of
 * the process as user time, on hosts so fast that SHA-512 is not slow enough. Each time that takes some ten milliseconds.
 */
async function untilMeasured(run: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await run();
      return;
    } catch (error) {
      const isChance = error instanceof DarkroomError && error.message.includes('Unable to get accurate CPU usage');
      if (!isChance || attempt === MEASURING_ATTEMPTS) throw error;
    }
  }
}

function createArguments(options: FormatOptions): string[] {
  const { backing, backingName, virtualSizeBytes, keys } = options;
  const extended = options.hasExtendedL2 === true ? ['extended_l2=on'] : [];
  return [
    '-q',
    ...(options.isUnchecked === true || backingName !== undefined ? ['-u'] : []),
    ...['-f', options.format],
    ...joinOptions([...extended, ...encryptionOptions(options, keys)]),
    ...(backing === undefined ? [] : ['-b', plainPath(backing.path), '-F', backing.format]),
    ...(backingName === undefined ? [] : ['-b', backingName, '-F', 'qcow2']),
    '--',
    options.path,
    ...(virtualSizeBytes === undefined ? [] : [String(virtualSizeBytes)]),
  ];
}
