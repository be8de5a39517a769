import { rm, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { DarkroomError } from '../../model/errors.ts';
import type { DiskExport, DiskFile } from '../../model/ports/disk-tool.ts';
import { collectKeys } from './disk-keys.ts';
import { nameDisk } from './open-disk.ts';
import { plainPath } from './run-qemu-img.ts';
import { serveDisk } from './serve-disk.ts';

/** sun_path of unix(7) has 108 bytes, with one for its end. */
const MAX_SOCKET_PATH = 107;
const GREETING_TIMEOUT_MS = 5_000;

/**
 * qemu-nbd, read-only, for any number of readers (https://www.qemu.org/docs/master/tools/qemu-nbd.html): the export
 * `name` on a socket with mode 0600, which is gone after it. A path that is taken is QEMU_IMG_FAILED.
 */
export async function exportOverNbd(
  disk: DiskFile,
  { socketPath, name }: { readonly socketPath: string; readonly name: string },
): Promise<DiskExport> {
  const socket = plainPath(socketPath);
  await assertUsable(socket);
  const keys = collectKeys();
  const args = ['--read-only', '--persistent', '--shared=0', `--socket=${socket}`, `--export-name=${name}`];
  return await serveDisk({
    program: 'qemu-nbd',
    args: [...args, '-f', disk.format, '--', await nameDisk(disk, { keys })],
    keys,
    disk: disk.path,
    subcommand: 'export-nbd',
    isReady: () => answers(socket),
    cleanUp: () => rm(socket, { force: true }),
  });
}

/** qemu-nbd would remove whatever lies there. */
async function assertUsable(socket: string): Promise<void> {
  const isTaken = await stat(socket).then(
    () => true,
    () => false,
  );
  if (isTaken) throw unusable(socket, 'something is there already');
  if (Buffer.byteLength(socket) > MAX_SOCKET_PATH) throw unusable(socket, 'the path of a socket is too long');
}

function unusable(socket: string, reason: string): DarkroomError {
  return new DarkroomError('QEMU_IMG_FAILED', `cannot serve on ${socket}: ${reason}`, {
    fields: { subcommand: 'export-nbd', disk: socket, exitCode: null },
  });
}

/** It listens before it has opened the disk, and greets afterwards (https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md). */
async function answers(socket: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const connection = connect(socket);
    const finish = (isThere: boolean): void => {
      connection.destroy();
      resolve(isThere);
    };
    connection.once('data', (greeting) => finish(greeting.subarray(0, 8).toString() === 'NBDMAGIC'));
    connection.once('error', () => finish(false));
    connection.once('close', () => finish(false));
    connection.setTimeout(GREETING_TIMEOUT_MS, () => finish(false));
  });
}
