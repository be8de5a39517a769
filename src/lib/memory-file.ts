import { randomUUID } from 'node:crypto';
import { open, unlink } from 'node:fs/promises';

export interface MemoryFile extends AsyncDisposable {
  /** Opens it anew for child processes of the same user, until it is disposed. */
  readonly path: string;
}

/** A tmpfs: what lies in it reaches no disk but by way of swap, as all memory of this process. */
const MEMORY_FOLDER = '/dev/shm';

/**
 * A short text for a child process that will only read files. It has no name in any folder by the time that anything is
 * in it, and is gone with this process whatever becomes of that.
 */
export async function openMemoryFile(text: string): Promise<MemoryFile> {
  const name = `${MEMORY_FOLDER}/darkroom-${randomUUID()}`;
  const handle = await open(name, 'wx+', 0o600);
  try {
    await unlink(name);
    await handle.writeFile(text);
  } catch (error) {
    await handle.close();
    throw error;
  }
  return { path: `/proc/${process.pid}/fd/${handle.fd}`, [Symbol.asyncDispose]: () => handle.close() };
}
