import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** A regular file as UTF-8. More than `maxBytes`: an error with code EFBIG; something else than a file: EINVAL. */
export async function readTextFile(path: string, options: { readonly maxBytes: number }): Promise<string> {
  return (await readFileBytes(path, options)).toString('utf8');
}

/** A regular file. More than `maxBytes`: an error with code EFBIG; something else than a file: EINVAL. */
export async function readFileBytes(path: string, options: { readonly maxBytes: number }): Promise<Buffer> {
  // Opening a named pipe must not wait for its writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!(await file.stat()).isFile()) throw fileError('EINVAL', `${path} is not a regular file`);
    const content = await readUpTo(file, options.maxBytes + 1);
    if (content.length > options.maxBytes) throw fileError('EFBIG', `${path} is longer than ${options.maxBytes} bytes`);
    return content;
  } finally {
    await file.close();
  }
}

async function readUpTo(file: FileHandle, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let total = 0;
  while (total < maxBytes) {
    const chunk = Buffer.alloc(Math.min(maxBytes - total, 64 * 1024));
    const { bytesRead } = await file.read(chunk, 0, chunk.length, null);
    if (bytesRead === 0) break;
    chunks.push(chunk.subarray(0, bytesRead));
    total += bytesRead;
  }
  return Buffer.concat(chunks);
}

function fileError(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}
