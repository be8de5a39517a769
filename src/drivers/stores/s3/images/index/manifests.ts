import { mapConcurrently } from '../../../../../lib/async.ts';
import { hasCode } from '../../../../../model/errors.ts';
import type { Image } from '../../../../../model/image.ts';
import { parseManifest } from '../../../documents/manifest.ts';
import type { Bucket } from '../../bucket.ts';
import { readManifest } from '../read.ts';
import type { Listing } from './listing.ts';

/** As many as a gateway answers side by side; each is a few KiB. */
const CONCURRENT_READS = 64;

/** A manifest as it was when it had that etag. */
export type KnownManifest =
  | { readonly etag: string; readonly image: Image }
  | { readonly etag: string; readonly reason: string };

/** By image id. */
export type KnownManifests = ReadonlyMap<string, KnownManifest>;

/** The manifests of a listing: those that are known with the same etag, and the others read. STORE_UNUSABLE. */
export async function readManifests(
  bucket: Bucket,
  listing: Listing,
  known: KnownManifests,
): Promise<{ readonly manifests: KnownManifests; readonly readCount: number }> {
  const manifests = new Map<string, KnownManifest>();
  const missing: string[] = [];
  for (const [id, { manifest }] of listing) {
    const found = known.get(id);
    if (manifest === null) continue;
    if (found?.etag === manifest) manifests.set(id, found);
    else missing.push(id);
  }
  const read = await mapConcurrently(missing, CONCURRENT_READS, (id) =>
    readOrExplain(bucket, id, listing.get(id)?.manifest ?? ''),
  );
  for (const [index, id] of missing.entries()) {
    const found = read[index] ?? null;
    if (found !== null) manifests.set(id, found);
  }
  return { manifests, readCount: missing.length };
}

/** null when it went meanwhile. */
async function readOrExplain(bucket: Bucket, id: string, listedEtag: string): Promise<KnownManifest | null> {
  let etag = listedEtag;
  try {
    const found = await readManifest(bucket, id);
    if (found === null) return null;
    etag = found.etag;
    return { etag, image: parseManifest(found.content.toString('utf8'), id) };
  } catch (error) {
    if (!hasCode(error, 'IMAGE_DAMAGED')) throw error;
    return { etag, reason: error.message };
  }
}
