import { constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { DarkroomError } from '../model/errors.ts';

const MAX_BYTES = 64 * 1024;
/** Everything for group and others; what root gives to a group it may read, as PostgreSQL's client has it. */
const FORBIDDEN_MODE = 0o077;
const FORBIDDEN_MODE_OF_ROOTS = 0o037;

/** A private key or token of the caller's. INVALID_REQUEST when others could have read it; never quotes what it holds. */
export async function readSecretFile(file: string, option: string): Promise<string> {
  // A pipe without a writer would wait for one.
  await using handle = await openFile(file, option);
  const stats = await handle.stat();
  const complaint = judge(stats);
  if (complaint !== null) throw unusable(file, option, complaint);
  return await handle.readFile('utf8');
}

/** One line of visible characters, as HTTP can carry it. */
export async function readToken(file: string): Promise<string> {
  const token = (await readSecretFile(file, 'token_file')).trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw unusable(file, 'token_file', 'does not hold a token, which is one line of visible ASCII characters');
}

async function openFile(file: string, option: string): Promise<FileHandle> {
  try {
    return await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const seen = error instanceof Error ? error.message : String(error);
    throw unusable(file, option, `cannot be read: ${seen}`, error);
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

function unusable(file: string, option: string, complaint: string, cause?: unknown): DarkroomError {
  return new DarkroomError('INVALID_REQUEST', `${option}: ${file} ${complaint}.`, {
    fields: { field: option, file },
    cause,
  });
}
