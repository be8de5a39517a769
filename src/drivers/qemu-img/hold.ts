import { CommandFailed } from '../../lib/command-errors.ts';
import { type Command, runCommand } from '../../lib/run-command.ts';
import { DarkroomError } from '../../model/errors.ts';
import type { DiskFile } from '../../model/ports/disk-tool.ts';
import { describeFile, toJsonName } from './block-spec.ts';
import { plainPath } from './run-qemu-img.ts';
import { translateFailure } from './translate-failure.ts';

const LOCKED_PATTERN = /Failed to get .*lock|Is another process using the image/;

/**
 * Keeps this one file open in a qemu-io of its own until disposed, with QEMU's locks that say "read, and nobody may
 * write or resize" (https://www.qemu.org/docs/master/system/images.html, Disk image file locking). Reading a raw disk
 * alone does not keep a guest from starting on it, hence the blkdebug filter, which takes no part in the data but can
 * refuse to share. Throws INSTANCE_BUSY when somebody has it open for writing.
 */
export async function holdDisk(disk: DiskFile): Promise<AsyncDisposable> {
  const path = plainPath(disk.path);
  const release = new AbortController();
  const holder = await startHolder(path, release.signal);
  return {
    async [Symbol.asyncDispose]() {
      release.abort();
      await holder.ended;
    },
  };
}

async function startHolder(path: string, signal: AbortSignal): Promise<{ readonly ended: Promise<void> }> {
  const args = ['-r', await lockingSpec(path)];
  let running: Promise<unknown> = Promise.resolve();
  const isOpen = new Promise<void>((resolve) => {
    // It answers its first command once the disk is open, and then waits for the next.
    const onLine: Command['onLine'] = (_line, stream) => {
      if (stream === 'stdout') resolve();
    };
    running = runCommand({ file: 'qemu-io', args, signal, heldInput: 'length\n', onLine });
  });
  const ended = running.then(
    () => undefined,
    () => undefined,
  );
  try {
    await Promise.race([isOpen, running]);
  } catch (error) {
    throw translateHoldFailure(error, path);
  }
  return { ended };
}

async function lockingSpec(path: string): Promise<string> {
  const image = await describeFile(path);
  return toJsonName({ driver: 'blkdebug', 'unshare-child-perms': ['write', 'resize'], image });
}

function translateHoldFailure(error: unknown, path: string): unknown {
  if (error instanceof CommandFailed && LOCKED_PATTERN.test(error.stderr)) {
    return new DarkroomError('INSTANCE_BUSY', `${path} is being written to by another process: stop its guest first`, {
      fields: { disk: path },
      cause: error,
    });
  }
  return translateFailure(error, { what: 'qemu-io', subcommand: 'hold', disk: path });
}
