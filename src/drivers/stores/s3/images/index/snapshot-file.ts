import path from 'node:path';
import { parseManifest } from '../../../documents/manifest.ts';
import type { ListedImage, Listing } from './listing.ts';
import type { KnownManifest, KnownManifests } from './manifests.ts';
import { readSealed, writeSealed } from './sealed-file.ts';
import { makeSnapshot, type Snapshot } from './snapshot.ts';

const LISTING_FILE = '.image-listing';
const MANIFESTS_FILE = '.image-manifests';
/** Fewer are read again sooner than all of them are written. */
const WORTH_WRITING = 20;

/** What processes of this host have read of a bucket's images, for those that come after. A cache: whatever is wrong with it, it is as if it were not there. */
export interface SnapshotFile {
  /** With the images that must be looked at again: their manifests are of another time than the listing. */
  load(): Promise<{ readonly snapshot: Snapshot; readonly unsureIds: readonly string[] } | null>;
  /** `readCount`: how many manifests are new in it. */
  save(snapshot: Snapshot, readCount: number): Promise<void>;
}

interface SavedListing {
  readonly word: string;
  readonly listedAtMs: number;
  readonly listing: readonly (readonly [string, ListedImage])[];
}
type SavedManifests = readonly (readonly [string, KnownManifest])[];

export function createSnapshotFile(rootPath: string, location: string): SnapshotFile {
  const [listingFile, manifestsFile] = [path.join(rootPath, LISTING_FILE), path.join(rootPath, MANIFESTS_FILE)];
  const purpose = `${location}\n${describeFormat()}`;
  return {
    load: async () => {
      const saved = await readSealed<SavedListing>(listingFile, purpose);
      const manifests = new Map(await readSealed<SavedManifests>(manifestsFile, purpose));
      if (manifests.size === 0) return null;
      const listing = new Map(saved?.listing);
      const { word, listedAtMs } = saved ?? { word: '', listedAtMs: 0 };
      const snapshot = makeSnapshot({ word, listedAtMs, listing, manifests });
      return { snapshot, unsureIds: findUnsure(manifests, listing) };
    },
    save: async ({ word, listedAtMs, listing, manifests }, readCount) => {
      if (manifests.size < WORTH_WRITING) return;
      const saved: SavedListing = { word, listedAtMs, listing: [...listing] };
      try {
        if (readCount >= WORTH_WRITING) await writeSealed(manifestsFile, purpose, [...manifests]);
        await writeSealed(listingFile, purpose, saved);
      } catch {
        // the next process reads more than it would have to
      }
    },
  };
}

/** Each of the two files may be older than the other. */
function findUnsure(manifests: KnownManifests, listing: Listing): readonly string[] {
  const unsure = [...listing].filter(([id, { manifest }]) => (manifests.get(id)?.etag ?? null) !== manifest);
  const unlisted = [...manifests.keys()].filter((id) => !listing.has(id));
  return [...unsure.map(([id]) => id), ...unlisted];
}

/** What this version of ours makes of the oldest manifests: another one may know more fields. */
function describeFormat(): string {
  const id = '00000000-0000-4000-8000-000000000000';
  const disk = { target: 'vda', file: 'disk', format: 'qcow2', virtualSizeBytes: 0, sizeBytes: 0, sha256: null };
  const oldest = {
    version: 1,
    id,
    name: 'x',
    status: 'active',
    sizeBytes: 0,
    virtualSizeBytes: 0,
    createdAt: '2024-01-01T00:00:00Z',
    description: null,
    owner: null,
    visibility: 'private',
    protected: false,
    minDiskGiB: 0,
    minMemoryMiB: 0,
    checksum: { algorithm: 'sha256', value: null },
    consistency: null,
    disks: [disk],
    skippedDisks: [],
    nvram: null,
    tpm: [],
    properties: {},
  };
  return JSON.stringify(parseManifest(JSON.stringify(oldest), id));
}
