import { createHash, webcrypto } from 'node:crypto';

const SLICE_BYTES = 1024 * 1024;

/** SHA-256, lower-case hex; computed by Node's thread pool, so that the event loop goes on. */
export async function sha256Of(content: Uint8Array): Promise<string> {
  return Buffer.from(await webcrypto.subtle.digest('SHA-256', content)).toString('hex');
}

/** MD5, lower-case hex, with pauses for the event loop: the thread pool does not know it. */
export async function md5Of(content: Uint8Array): Promise<string> {
  const hash = createHash('md5');
  for (let start = 0; start < content.length; start += SLICE_BYTES) {
    hash.update(content.subarray(start, start + SLICE_BYTES));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return hash.digest('hex');
}

/** The etag of an object that was put together of parts with these etags, as S3, Ceph and MinIO make it. */
export function multipartEtag(partEtags: readonly string[]): string {
  const hash = createHash('md5');
  for (const etag of partEtags) hash.update(Buffer.from(bareEtag(etag), 'hex'));
  return `${hash.digest('hex')}-${partEtags.length}`;
}

export function bareEtag(etag: string): string {
  return etag.replaceAll('"', '');
}
