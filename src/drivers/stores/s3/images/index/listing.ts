import { MANIFEST_FILE, RECYCLED_FILE } from '../../../documents/layout.ts';
import type { ObjectEntry } from '../../bucket.ts';
import { parseImageKey } from '../keys.ts';

/** What there is of one image; etags, null for what is not there. */
export interface ListedImage {
  readonly manifest: string | null;
  /** Of `recycled.json`. */
  readonly state: string | null;
}

/** By id. */
export type Listing = ReadonlyMap<string, ListedImage>;

/** Of keys of images; others are left out. */
export function summariseListing(entries: readonly ObjectEntry[]): Map<string, ListedImage> {
  const listing = new Map<string, ListedImage>();
  for (const { key, etag } of entries) {
    const parsed = parseImageKey(key);
    if (parsed === null) continue;
    const seen = listing.get(parsed.imageId) ?? { manifest: null, state: null };
    if (parsed.file === MANIFEST_FILE) listing.set(parsed.imageId, { ...seen, manifest: etag });
    else if (parsed.file === RECYCLED_FILE) listing.set(parsed.imageId, { ...seen, state: etag });
    else listing.set(parsed.imageId, seen);
  }
  return listing;
}

/** Neither an image nor a deleted one. */
export function isDraft({ manifest, state }: ListedImage): boolean {
  return manifest === null && state === null;
}

/** Not an image, and it was one. */
export function isRecycled({ manifest, state }: ListedImage): boolean {
  return manifest === null && state !== null;
}
