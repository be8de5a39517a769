import { NotPrivate, readPrivateFile } from '../lib/read-private-file.ts';
import { DarkroomError } from '../model/errors.ts';

/** A private key or token of the caller's. INVALID_REQUEST when others could have read it; never quotes what it holds. */
export async function readSecretFile(file: string, option: string): Promise<string> {
  try {
    return await readPrivateFile(file);
  } catch (error) {
    if (error instanceof NotPrivate) throw unusable(file, { option, complaint: error.message, cause: error });
    throw error;
  }
}

/** One line of visible characters, as HTTP can carry it. */
export async function readToken(file: string): Promise<string> {
  const token = (await readSecretFile(file, 'token_file')).trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  const complaint = 'does not hold a token, which is one line of visible ASCII characters';
  throw unusable(file, { option: 'token_file', complaint });
}

function unusable(
  file: string,
  { option, complaint, cause }: { readonly option: string; readonly complaint: string; readonly cause?: unknown },
): DarkroomError {
  return new DarkroomError('INVALID_REQUEST', `${option}: ${file} ${complaint}.`, {
    fields: { field: option, file },
    cause,
  });
}
