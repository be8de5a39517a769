import { setTimeout as sleep } from 'node:timers/promises';
import { CommandMissing } from '../../lib/command-errors.ts';
import { findProgram, runCommand } from '../../lib/run-command.ts';
import { DarkroomError } from '../../model/errors.ts';
import type { DiskExport } from '../../model/ports/disk-tool.ts';
import { type DiskKeys, withSecrets } from './disk-keys.ts';
import { translateFailure } from './translate-failure.ts';

export interface Server {
  readonly program: string;
  readonly args: readonly string[];
  readonly keys: DiskKeys;
  readonly disk: string;
  readonly subcommand: string;
  isReady(): Promise<boolean>;
  /** After its end, however it came. */
  cleanUp(): Promise<void>;
}

const POLL_MS = 20;
const READY_TIMEOUT_MS = 60_000;
/** Files and sockets that the server makes are its owner's only: the umask is a process' own. */
const PRIVATELY = ['-c', 'umask 0177; exec "$@"', 'sh'];

/**
 * Starts a program that offers a disk, and returns once it does. Disposed, the program has ended (SIGTERM first) and
 * nothing of it is left. Throws as runQemuImg; one that is not ready within a minute is ended and QEMU_IMG_FAILED.
 */
export async function serveDisk(server: Server): Promise<DiskExport> {
  const stop = new AbortController();
  const started = start(server, stop.signal);
  const ended = started.running.then(
    () => undefined,
    () => undefined,
  );
  const end = async (): Promise<void> => {
    stop.abort();
    await ended;
    // A dispose that throws would hide what came before it.
    await server.cleanUp().catch(() => undefined);
  };
  try {
    await Promise.race([untilReady(server, stop.signal), failAtEnd(started.running, server)]);
    return { pid: await started.pid, ended, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw translateFailure(error, { what: server.program, subcommand: server.subcommand, disk: server.disk });
  }
}

function start(
  server: Server,
  signal: AbortSignal,
): { readonly running: Promise<unknown>; readonly pid: Promise<number> } {
  let running: Promise<unknown> = Promise.resolve();
  const pid = new Promise<number>((onStart) => {
    running = withSecrets(server.keys, async (objects) => {
      if ((await findProgram(server.program)) === null) throw new CommandMissing(server.program);
      const args = [...PRIVATELY, server.program, ...objects, ...server.args];
      return await runCommand({ file: 'sh', args, signal, onStart });
    });
  });
  return { running, pid };
}

async function failAtEnd(running: Promise<unknown>, { program, subcommand, disk }: Server): Promise<never> {
  await running;
  const message = `${program} on ${disk} ended before it served anything`;
  throw new DarkroomError('QEMU_IMG_FAILED', message, { fields: { subcommand, disk, exitCode: 0 } });
}

async function untilReady(server: Server, signal: AbortSignal): Promise<void> {
  const { program, subcommand, disk } = server;
  const limit = performance.now() + READY_TIMEOUT_MS;
  while (!(await server.isReady())) {
    if (signal.aborted) return;
    if (performance.now() > limit) {
      const message = `${program} on ${disk} did not begin to serve within ${READY_TIMEOUT_MS / 1000} s`;
      throw new DarkroomError('QEMU_IMG_FAILED', message, { fields: { subcommand, disk, exitCode: null } });
    }
    await sleep(POLL_MS);
  }
}
