import { readFile } from 'node:fs/promises';
import { CommandCancelled, CommandFailed, CommandMissing } from '../../lib/command-errors.ts';
import { type Command, type CommandResult, runCommand } from '../../lib/run-command.ts';
import { DarkroomError } from '../../model/errors.ts';
import type { Mounts } from '../../model/ports/mounts.ts';
import { findFileSystem } from './file-systems.ts';

const UNMOUNT_TIMEOUT_MS = 30_000;

/** mount(8) and umount(8) of util-linux, through loop devices that go with the mount. */
export function createMounts(): Mounts {
  return {
    mountFirst: async (disk, directory, signal) => {
      const run = (command: Command): Promise<CommandResult> => runTool(command, { disk, signal });
      const found = await findFileSystem(disk, run);
      const place = [`offset=${found.offsetBytes}`, `sizelimit=${found.sizeBytes}`];
      const options = ['ro', 'loop', 'nodev', 'nosuid', 'noexec', ...place, ...found.options].join(',');
      await run({ file: 'mount', args: ['-t', found.type, '-o', options, '--', disk, directory] });
    },
    unmount: async (target) => {
      if (await isMounted(target)) await unmountOne(target).catch((error) => failUnlessGone(target, error));
    },
  };
}

/** Gone from its place at once; somebody who has a file of it open keeps that for the while. */
async function unmountOne(target: string): Promise<void> {
  try {
    await runCommand({ file: 'umount', args: ['--', target], timeoutMs: UNMOUNT_TIMEOUT_MS });
  } catch (error) {
    if (error instanceof CommandMissing) throw toolMissing('umount', error);
    await runTool({ file: 'umount', args: ['--lazy', '--', target], timeoutMs: UNMOUNT_TIMEOUT_MS }, { disk: target });
  }
}

/** An operation that ends by itself and who recovers it may both take it down: one of them is later. */
async function failUnlessGone(target: string, error: unknown): Promise<void> {
  if (await isMounted(target)) throw error;
}

/** From proc_pid_mountinfo(5): the fifth field is the mount point, with blanks and the like as octal escapes. */
async function isMounted(target: string): Promise<boolean> {
  const text = await readFile('/proc/self/mountinfo', 'utf8');
  return text.split('\n').some((line) => decodeEscapes(line.split(' ')[4] ?? '') === target);
}

function decodeEscapes(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_whole, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

async function runTool(
  command: Command,
  { disk, signal }: { readonly disk: string; readonly signal?: AbortSignal | undefined },
): Promise<CommandResult> {
  try {
    return await runCommand({ ...command, ...(signal && { signal }) });
  } catch (error) {
    const options = { fields: { path: disk, tool: command.file }, cause: error };
    if (error instanceof CommandMissing) throw toolMissing(command.file, error);
    if (error instanceof CommandCancelled) throw new DarkroomError('CANCELLED', `${error.message}`, options);
    if (!(error instanceof CommandFailed)) throw error;
    throw new DarkroomError('COMMAND_FAILED', `${error.message}. It worked on ${disk}`, options);
  }
}

function toolMissing(tool: string, cause: Error): DarkroomError {
  return new DarkroomError(
    'TOOL_MISSING',
    `${tool} is not installed: install the packages mount, fdisk and util-linux`,
    {
      fields: { tool },
      cause,
    },
  );
}
