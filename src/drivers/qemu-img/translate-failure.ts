import { CommandCancelled, CommandFailed, CommandMissing, CommandTimedOut } from '../../lib/command-errors.ts';
import { DarkroomError } from '../../model/errors.ts';

export interface FailedWork {
  /** Program and subcommand, for people. */
  readonly what: string;
  readonly subcommand: string;
  readonly disk: string;
}

/** Of Debian and Ubuntu, where it is not qemu-utils. */
const PACKAGES: ReadonlyMap<string, string> = new Map([['qemu-storage-daemon', 'qemu-system-common']]);

const WRONG_KEY_PATTERN = /Invalid password, cannot unlock any keyslot/;
const MISSING_KEY_PATTERN = /Parameter '(?:encrypt\.)?key-secret' is required for cipher/;
export const NO_SPACE_PATTERN = /No space left on device|Disk quota exceeded/;

/** The failure of a QEMU tool in our words: QEMU_IMG_FAILED, NO_SPACE, CANCELLED, TOOL_MISSING, ENCRYPTION_KEY_…; others as they are. */
export function translateFailure(error: unknown, work: FailedWork): unknown {
  const { subcommand, disk } = work;
  const what = `${work.what} on ${disk}`;
  if (error instanceof CommandCancelled) {
    return new DarkroomError('CANCELLED', `${what} was cancelled`, { fields: { subcommand, disk }, cause: error });
  }
  if (error instanceof CommandMissing) {
    const message = `${error.file} is not installed: install ${PACKAGES.get(error.file) ?? 'qemu-utils'}`;
    return new DarkroomError('TOOL_MISSING', message, { cause: error });
  }
  if (error instanceof CommandTimedOut) {
    const message = `${what} did not end within ${error.timeoutMs / 1000} s: look at the storage it lies on`;
    return qemuImgFailed(message, { subcommand, disk, exitCode: null }, error);
  }
  if (!(error instanceof CommandFailed)) return error;
  const seen = describeFailure(error);
  if (NO_SPACE_PATTERN.test(error.stderr)) {
    return new DarkroomError('NO_SPACE', `${what} ran out of space: ${seen}. Free some and try again`, {
      fields: { subcommand, disk },
      cause: error,
    });
  }
  const keyFailure = judgeKey(error, work);
  if (keyFailure !== null) return keyFailure;
  return qemuImgFailed(`${what} failed: ${seen}`, { subcommand, disk, exitCode: error.exitCode }, error);
}

function judgeKey(error: CommandFailed, { what, subcommand, disk }: FailedWork): DarkroomError | null {
  const about = { fields: { subcommand, disk }, cause: error };
  if (WRONG_KEY_PATTERN.test(error.stderr)) {
    const message = `${what}: the configured key does not open ${disk}: configure the one that it was encrypted with`;
    return new DarkroomError('ENCRYPTION_KEY_WRONG', message, about);
  }
  if (!MISSING_KEY_PATTERN.test(error.stderr)) return null;
  const message = `${what}: ${disk} is encrypted, and no key was given for it: configure encryption.key_file or key_command`;
  return new DarkroomError('ENCRYPTION_KEY_MISSING', message, about);
}

function qemuImgFailed(message: string, fields: DarkroomError['fields'], cause: Error): DarkroomError {
  return new DarkroomError('QEMU_IMG_FAILED', message, { fields, cause });
}

function describeFailure(error: CommandFailed): string {
  const stderr = error.stderr.trim().replaceAll('\n', '; ');
  return stderr === '' ? error.message : stderr;
}
