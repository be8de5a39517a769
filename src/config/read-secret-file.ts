import { NotPrivate, readPrivateFile } from '../lib/read-private-file.ts';
import { DarkroomError } from '../model/errors.ts';

/** A private key or token of the caller's. INVALID_REQUEST when others could have read it; never quotes what it holds. */
export async function readSecretFile(file: string, option: string): Promise<string> {
  try {
    return await readPrivateFile(file);
  } catch (error) {
    if (error instanceof NotPrivate) throw unusable(file, option, error.message, error);
    throw error;
  }
}

/** One line of visible characters, as HTTP can carry it. */
export async function readToken(file: string): Promise<string> {
  const token = (await readSecretFile(file, 'token_file')).trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw unusable(file, 'token_file', 'does not hold a token, which is one line of visible ASCII characters');
}

function unusable(file: string, option: string, complaint: string, cause?: unknown): DarkroomError {
  return new DarkroomError('INVALID_REQUEST', `${option}: ${file} ${complaint}.`, {
    fields: { field: option, file },
    cause,
  });
}
