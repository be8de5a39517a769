import { mapConcurrently } from '../../../../../lib/async.ts';
import { hasCode } from '../../../../../model/errors.ts';
import type { BrokenImage, RecycledImages } from '../../../../../model/ports/image-store.ts';
import type { RecycledImage } from '../../../../../model/recycled-image.ts';
import { sortByDeletion } from '../../../documents/image-order.ts';
import { damaged, parseManifest } from '../../../documents/manifest.ts';
import type { Bucket } from '../../bucket.ts';
import { type KnownState, readState, type StateDocument } from '../state-document.ts';
import { isRecycled, type Listing } from './listing.ts';

const CONCURRENT_READS = 64;

type Reading =
  | { readonly recycled: RecycledImage }
  | { readonly broken: BrokenImage }
  | { readonly halfPurgedId: string }
  | null;

/** What is said of deleted images; what was read is kept as long as it is the same. */
export class RecycledReader {
  readonly #bucket: Bucket;
  #known: ReadonlyMap<string, KnownState> = new Map();

  constructor(bucket: Bucket) {
    this.#bucket = bucket;
  }

  /** STORE_UNUSABLE. */
  async read(listing: Listing): Promise<RecycledImages> {
    const ids = [...listing].filter(([, listed]) => isRecycled(listed)).map(([id]) => id);
    const before = this.#known;
    const states = await mapConcurrently(ids, CONCURRENT_READS, async (id) => {
      const known = before.get(id);
      return known !== undefined && known.etag === listing.get(id)?.state ? known : await readState(this.#bucket, id);
    });
    const known = new Map<string, KnownState>();
    const readings = ids.map((id, index) => {
      const state = states[index] ?? null;
      if (state !== null) known.set(id, state);
      return state === null ? null : explain(id, state.document);
    });
    this.#known = known;
    return collect(readings);
  }
}

function explain(id: string, document: StateDocument | null): Reading {
  if (document === null) return { broken: { id, reason: damaged(id, 'its recycled.json cannot be read').message } };
  const { state, note, manifest } = document;
  if (state === 'purging') return { halfPurgedId: id };
  if (note === null || manifest === null)
    return { broken: { id, reason: damaged(id, 'its manifest is missing').message } };
  try {
    const image = parseManifest(manifest, id);
    return { recycled: { id, image, sizeBytes: image.sizeBytes, ...note } };
  } catch (error) {
    if (!hasCode(error, 'IMAGE_DAMAGED')) throw error;
    return { broken: { id, reason: error.message } };
  }
}

function collect(readings: readonly Reading[]): RecycledImages {
  const recycled: RecycledImage[] = [];
  const broken: BrokenImage[] = [];
  const halfPurgedIds: string[] = [];
  for (const reading of readings) {
    if (reading === null) continue;
    if ('recycled' in reading) recycled.push(reading.recycled);
    else if ('broken' in reading) broken.push(reading.broken);
    else halfPurgedIds.push(reading.halfPurgedId);
  }
  return { recycled: sortByDeletion(recycled), broken, halfPurgedIds };
}
