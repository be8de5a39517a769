import { judgePublicKey, splitPublicKeys } from '../../api/ssh-key.ts';
import { DarkroomError } from '../../model/errors.ts';
import { readTextFile } from '../read-text-file.ts';

const MAX_KEY_FILE_BYTES = 1024 * 1024;
const MAX_USER_DATA_BYTES = 1024 * 1024;

/** Public key lines of files of the caller's; a private key given by mistake never leaves this process. */
export async function readPublicKeys(files: readonly string[]): Promise<string[]> {
  const keys: string[] = [];
  for (const file of files) keys.push(...(await readKeyFile(file)));
  return keys;
}

export async function readUserData(file: string | undefined): Promise<string | null> {
  if (file === undefined) return null;
  return await readTextFile({ option: 'user-data', path: file, maxBytes: MAX_USER_DATA_BYTES });
}

async function readKeyFile(file: string): Promise<readonly string[]> {
  const text = await readTextFile({ option: 'ssh-key', path: file, maxBytes: MAX_KEY_FILE_BYTES });
  const keys = splitPublicKeys(text);
  if (keys.length === 0) throw unusable(file, 'holds no public key');
  for (const key of keys) {
    const complaint = judgePublicKey(key);
    if (complaint !== null) throw unusable(file, complaint);
  }
  return keys;
}

function unusable(file: string, complaint: string): DarkroomError {
  return new DarkroomError('INVALID_REQUEST', `--ssh-key: ${file} ${complaint}.`, {
    fields: { field: 'ssh-key', file },
  });
}
