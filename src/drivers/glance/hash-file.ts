import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { throwIfAborted } from './http/send.ts';

const CHUNK_BYTES = 1024 ** 2;

/** Lower-case hex, by any algorithm that node:crypto knows. CANCELLED, Node's errors. */
export async function hashFile(
  path: string,
  { algorithm, signal }: { readonly algorithm: string; readonly signal?: AbortSignal },
): Promise<string> {
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES })) {
    throwIfAborted(signal);
    hash.update(chunk);
  }
  return hash.digest('hex');
}
