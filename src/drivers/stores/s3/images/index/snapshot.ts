import type { Image } from '../../../../../model/image.ts';
import type { BrokenImage } from '../../../../../model/ports/image-store.ts';
import { sortNewestFirst } from '../../../documents/image-order.ts';
import type { Listing } from './listing.ts';
import type { KnownManifests } from './manifests.ts';

/** What was seen of the bucket's images, and when. */
export interface Snapshot {
  /** The last change that it holds. */
  readonly word: string;
  /** When all of it was listed, of the host's clock. */
  readonly listedAtMs: number;
  readonly listing: Listing;
  readonly manifests: KnownManifests;
  readonly images: readonly Image[];
  readonly broken: readonly BrokenImage[];
}

export function makeSnapshot(seen: Pick<Snapshot, 'word' | 'listedAtMs' | 'listing' | 'manifests'>): Snapshot {
  const images: Image[] = [];
  const broken: BrokenImage[] = [];
  for (const [id, manifest] of seen.manifests) {
    if ('image' in manifest) images.push(manifest.image);
    else broken.push({ id, reason: manifest.reason });
  }
  return { ...seen, images: sortNewestFirst(images), broken };
}
