import { createHash } from 'node:crypto';

/** Takes less than two milliseconds. */
const SLICE_BYTES = 1024 * 1024;

/** Lower-case hex, with pauses in which the event loop goes on. */
export async function md5Of(content: Uint8Array): Promise<string> {
  const hash = createHash('md5');
  for (let start = 0; start < content.length; start += SLICE_BYTES) {
    if (start > 0) await new Promise((resolve) => setImmediate(resolve));
    hash.update(content.subarray(start, start + SLICE_BYTES));
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
