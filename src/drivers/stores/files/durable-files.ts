import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { close, constants, open as openFile, read } from 'node:fs';
import { chmod, mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { errnoOf } from './store-errors.ts';

export interface FileAccess {
  readonly mode: number;
  /** null: the file stays with whom it was created for. */
  readonly owner: { readonly uid: number; readonly gid: number } | null;
}

/** Temporary name, fsync, rename, fsync of the folder: readers see the old content or the new, also after a power cut. */
export async function replaceFile(target: string, content: string, access: FileAccess): Promise<void> {
  const name = `.${path.basename(target)}.${randomBytes(6).toString('hex')}.partial`;
  const temporary = path.join(path.dirname(target), name);
  try {
    await writeAndSync(temporary, content, access);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(path.dirname(target));
}

async function writeAndSync(file: string, content: string, access: FileAccess): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(content);
    if (access.owner !== null) await handle.chown(access.owner.uid, access.owner.gid);
    await handle.chmod(access.mode);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Gives a file that somebody else wrote its owner and mode, and fsyncs it; what is no regular file is refused. */
export async function syncWithAccess(file: string, access: FileAccess): Promise<Stats> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!(await handle.stat()).isFile()) throw new Error('it is not a regular file');
    if (access.owner !== null) await handle.chown(access.owner.uid, access.owner.gid);
    await handle.chmod(access.mode);
    await handle.sync();
    // only now all its blocks are counted
    return await handle.stat();
  } finally {
    await handle.close();
  }
}

export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Creates one folder with exactly this mode, whatever the umask. False when it was there. */
export async function makeFolder(folder: string, mode: number): Promise<boolean> {
  try {
    await mkdir(folder, { mode });
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
  await chmod(folder, mode);
  return true;
}

/** Creates a folder and its missing parents; those that were there keep their modes. */
export async function makeFolders(folder: string, mode: number): Promise<void> {
  try {
    await makeFolder(folder, mode);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    await makeFolders(path.dirname(folder), mode);
    await makeFolder(folder, mode);
  }
}

// Plain descriptors and no fstat: with ten thousand manifests, promise-based file handles take more than twice as long.
const openDescriptor = promisify(openFile);
const closeDescriptor = promisify(close);
const readDescriptor = promisify(read);

const FIRST_READ_BYTES = 16 * 1024;

export class FileTooLongError extends Error {}

/** ELOOP: a symbolic link; EISDIR: a folder; ESPIPE, ENXIO: a named pipe or a socket. */
const NOT_A_FILE = new Set(['ELOOP', 'EISDIR', 'ESPIPE', 'ENXIO']);

/** True where readSmallFile failed by what lies there; false where it failed by the file system, or nothing lies there. */
export function isUnfitFile(error: unknown): boolean {
  return error instanceof FileTooLongError || NOT_A_FILE.has(errnoOf(error) ?? '');
}

/** Reads a file, never through a symbolic link. Node's errors (EISDIR for a folder, ESPIPE for a pipe); FileTooLongError. */
export async function readSmallFile(file: string, maxBytes: number): Promise<string> {
  // Non-blocking, so that a named pipe cannot hold us up.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const descriptor = await openDescriptor(file, flags);
  try {
    return await readToEnd(descriptor, maxBytes);
  } finally {
    await closeDescriptor(descriptor);
  }
}

/** The same; a file server may say that the file we opened has just been replaced: then the new one is there. */
export async function readReplaceableFile(file: string, maxBytes: number): Promise<string> {
  try {
    return await readSmallFile(file, maxBytes);
  } catch (error) {
    if (errnoOf(error) !== 'ESTALE') throw error;
    return await readSmallFile(file, maxBytes);
  }
}

async function readToEnd(descriptor: number, maxBytes: number): Promise<string> {
  for (let capacity = FIRST_READ_BYTES; ; capacity *= 8) {
    const buffer = Buffer.allocUnsafe(capacity);
    const { bytesRead } = await readDescriptor(descriptor, buffer, 0, capacity, 0);
    if (bytesRead > maxBytes) throw new FileTooLongError(`it has more than ${maxBytes} bytes`);
    if (bytesRead < capacity) return buffer.toString('utf8', 0, bytesRead);
  }
}
