import { isAbsolute } from 'node:path';
import { type Command, type CommandResult, runCommand } from '../../lib/run-command.ts';
import { DarkroomError } from '../../model/errors.ts';
import { type DiskKeys, withSecrets } from './disk-keys.ts';
import { translateFailure } from './translate-failure.ts';

/** So that guests go first. */
export interface Priority {
  /** 0 to 19. */
  readonly nice: number;
  readonly ioClass: 'none' | 'best-effort' | 'idle';
}

export type QemuImgOptions = Pick<Command, 'signal' | 'timeoutMs' | 'onLine' | 'onStart' | 'acceptExitCodes'> & {
  /** For subcommands that move much data; without: as this process itself. */
  readonly priority?: Priority | undefined;
  /** Of encrypted disks that its arguments name. */
  readonly keys?: DiskKeys;
  /** The disk that messages name. */
  readonly on: string;
};

/** For subcommands that read or write headers only: they are stuck, not slow, after this. */
export const METADATA_TIMEOUT_MS = 120_000;

/**
 * Runs one subcommand of qemu-img (https://www.qemu.org/docs/master/tools/qemu-img.html). Throws QEMU_IMG_FAILED
 * (fields: subcommand, exitCode, disk), NO_SPACE, CANCELLED, TOOL_MISSING, ENCRYPTION_KEY_WRONG and, where none was given,
 * ENCRYPTION_KEY_MISSING.
 */
export async function runQemuImg(
  subcommand: string,
  args: readonly string[],
  options: QemuImgOptions,
): Promise<CommandResult> {
  const { on: disk, priority, keys, ...rest } = options;
  try {
    return await withSecrets(keys, (objects) =>
      runCommand({ file: 'qemu-img', args: [subcommand, ...objects, ...args], ...rest, ...prioritise(priority) }),
    );
  } catch (error) {
    throw translateFailure(error, { what: `qemu-img ${subcommand}`, subcommand, disk });
  }
}

export function prioritise(
  { nice, ioClass }: Priority = { nice: 0, ioClass: 'none' },
): Pick<Command, 'nice' | 'ioClass'> {
  return { ...(nice === 0 ? {} : { nice }), ...(ioClass === 'none' ? {} : { ioClass }) };
}

/**
 * The path as it may stand on qemu-img's command line. QEMU reads `nbd:…`, `json:…` and every name with a colon before
 * its first slash as a protocol; an absolute path is always a file or a block device. Throws DISK_UNSUPPORTED.
 */
export function plainPath(path: string): string {
  if (isAbsolute(path) && !path.includes('\0')) return path;
  throw new DarkroomError(
    'DISK_UNSUPPORTED',
    `${JSON.stringify(path)} is not an absolute path: state the disk's full path`,
    {
      fields: { disk: path },
    },
  );
}
