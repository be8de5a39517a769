import { mapConcurrently } from '../../../lib/async.ts';
import type { Bucket, ObjectEntry } from './bucket.ts';
import { readDocument } from './read-document.ts';

const CONCURRENT_READS = 16;

/** Documents that were read and parsed before, each as long as its object stays the same. */
export interface DocumentCache<Parsed> {
  /** Of all these objects, in their order; null for one that has gone since. STORE_UNUSABLE. */
  readAll(entries: readonly ObjectEntry[]): Promise<readonly (Parsed | null)[]>;
}

export interface DocumentRules<Parsed> {
  readonly maxBytes: number;
  /** Never throws: what cannot be used is a result too. `content` is null where it is longer than `maxBytes`. */
  readonly parse: (content: string | null, key: string) => Parsed;
}

/** In memory, of what the last look at each key saw. What is given out is shared: nobody may change it. */
export function createDocumentCache<Parsed>(bucket: Bucket, rules: DocumentRules<Parsed>): DocumentCache<Parsed> {
  const known = new Map<string, { readonly etag: string; readonly parsed: Parsed }>();
  const read = async ({ key, etag }: ObjectEntry): Promise<Parsed | null> => {
    const before = known.get(key);
    if (before?.etag === etag) return before.parsed;
    known.delete(key);
    const document = await readDocument(bucket, key, rules.maxBytes);
    if (document === null) return null;
    const parsed = rules.parse(document.content, key);
    known.set(key, { etag: document.etag, parsed });
    return parsed;
  };
  return { readAll: (entries) => mapConcurrently(entries, CONCURRENT_READS, read) };
}
