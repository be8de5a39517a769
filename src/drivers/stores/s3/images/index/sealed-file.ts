import { createHash } from 'node:crypto';
import path from 'node:path';
import { FOLDER_MODE } from '../../../documents/layout.ts';
import { makeFolders, readSmallFile, replaceFile } from '../../../files/durable-files.ts';
import { SECRET_FILE_MODE } from '../../../files/file-modes.ts';

/** More than any store of ours has; a longer one is not read. */
const MAX_FILE_BYTES = 256 * 1024 * 1024;
const DIGEST_LENGTH = 64;

/** A value as JSON behind a digest of it and of `purpose`. Only root can write there. Node's errors. */
export async function writeSealed(file: string, purpose: string, value: unknown): Promise<void> {
  const body = JSON.stringify(value);
  await makeFolders(path.dirname(file), FOLDER_MODE);
  await replaceFile(file, `${digest(purpose, body)}${body}`, { mode: SECRET_FILE_MODE, owner: null });
}

/** Exactly what was written for that purpose, which was checked then; null for anything else. */
export async function readSealed<Value>(file: string, purpose: string): Promise<Value | null> {
  try {
    const text = await readSmallFile(file, MAX_FILE_BYTES);
    const body = text.slice(DIGEST_LENGTH);
    if (text.slice(0, DIGEST_LENGTH) !== digest(purpose, body)) return null;
    const value: Value = JSON.parse(body);
    return value;
  } catch {
    return null;
  }
}

function digest(purpose: string, body: string): string {
  return createHash('sha256').update(purpose).update('\n').update(body).digest('hex');
}
