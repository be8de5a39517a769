import { randomBytes } from 'node:crypto';
import { close, constants, fstat, open as openFile, read } from 'node:fs';
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

// Plain descriptors: with ten thousand manifests, promise-based file handles take more than twice as long.
const openDescriptor = promisify(openFile);
const closeDescriptor = promisify(close);
const statDescriptor = promisify(fstat);
const readDescriptor = promisify(read);

export class UnreadableFileError extends Error {}

/** Reads a regular file, never through a symbolic link. Node's errors; UnreadableFileError for what is no such file or too long. */
export async function readSmallFile(file: string, maxBytes: number): Promise<string> {
  // Non-blocking, so that a named pipe cannot hold us up.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const descriptor = await openDescriptor(file, flags);
  try {
    const stat = await statDescriptor(descriptor);
    if (!stat.isFile()) throw new UnreadableFileError('it is not a regular file');
    if (stat.size > maxBytes) throw new UnreadableFileError(`it has ${stat.size} bytes, more than ${maxBytes}`);
    return await readFully(descriptor, stat.size);
  } finally {
    await closeDescriptor(descriptor);
  }
}

async function readFully(descriptor: number, sizeBytes: number): Promise<string> {
  const buffer = Buffer.allocUnsafe(sizeBytes);
  let filled = 0;
  while (filled < sizeBytes) {
    const { bytesRead } = await readDescriptor(descriptor, buffer, filled, sizeBytes - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.toString('utf8', 0, filled);
}
