import { constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

const MAX_BYTES = 64 * 1024;
/** Everything for group and others; what root gives to a group it may read, as PostgreSQL's client has it. */
const FORBIDDEN_MODE = 0o077;
const FORBIDDEN_MODE_OF_ROOTS = 0o037;

/** Says of a file that should hold a secret why it is not used; never quotes what it holds. */
export class NotPrivate extends Error {
  override readonly name = 'NotPrivate';
}

/** A short text that nobody else could have read: else NotPrivate, such as `is open to others (mode 0644): …`. */
export async function readPrivateFile(file: string): Promise<string> {
  // A pipe without a writer would wait for one.
  await using handle = await openFile(file);
  const complaint = judge(await handle.stat());
  if (complaint !== null) throw new NotPrivate(complaint);
  return await handle.readFile('utf8');
}

async function openFile(file: string): Promise<FileHandle> {
  try {
    return await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const seen = error instanceof Error ? error.message : String(error);
    throw new NotPrivate(`cannot be read: ${seen}`, { cause: error });
  }
}

function judge(stats: Stats): string | null {
  if (!stats.isFile()) return 'is not a file';
  if (stats.size > MAX_BYTES) return `is longer than ${MAX_BYTES} bytes`;
  const mode = (stats.mode & 0o777).toString(8).padStart(4, '0');
  if (stats.uid === 0) {
    const isOpen = (stats.mode & FORBIDDEN_MODE_OF_ROOTS) !== 0;
    return isOpen ? `is open to others (mode ${mode}): chmod it to 0640 or less` : null;
  }
  return (stats.mode & FORBIDDEN_MODE) === 0 ? null : `is open to others (mode ${mode}): chmod it to 0600`;
}
