import { hasCode } from '../../../model/errors.ts';
import type { Bucket } from './bucket.ts';

export interface Document {
  /** null: it is longer than ours ever are, so nobody read it. */
  readonly content: string | null;
  readonly etag: string;
}

/** A small object that anybody may have spoilt; null when nothing is there. STORE_UNUSABLE where reading fails. */
export async function readDocument(bucket: Bucket, key: string, maxBytes: number): Promise<Document | null> {
  try {
    const found = await bucket.get(key, { maxBytes });
    return found === null ? null : { content: found.content.toString('utf8'), etag: found.etag };
  } catch (error) {
    if (!hasCode(error, 'STORE_UNUSABLE')) throw error;
    const entry = await bucket.head(key).catch(() => null);
    if (entry !== null && entry.sizeBytes > maxBytes) return { content: null, etag: entry.etag };
    throw error;
  }
}
