export const STORE_KINDS = ['directory', 's3', 'glance'] as const;
export type StoreKind = (typeof STORE_KINDS)[number];

/** A store, or an image service, that the configuration names. */
export interface StoreDescription {
  /** As in the configuration; `default` for one that has no name there. */
  readonly name: string;
  readonly kind: StoreKind;
  /** A folder, `s3://bucket/prefix`, or the URL of the image service. */
  readonly location: string;
  readonly isDefault: boolean;
}

/** A store that does not answer, while it is asked again. */
export interface StoreOutage {
  /** Name of the store. */
  readonly store: string;
  readonly location: string;
  /** Address of its server. */
  readonly endpoint: string;
  /** What was seen: words, and a code or an HTTP status. */
  readonly reason: string;
  /** How much longer it is asked again, at most. */
  readonly forMs: number;
}

/** Copies on this host of what a store elsewhere holds. */
export interface CacheUsage {
  readonly path: string;
  readonly files: number;
  readonly usedBytes: number;
  /** Above it what was not used for the longest time goes, unless a disk of this host stands on it. */
  readonly limitBytes: number;
}

export interface StoreCount {
  readonly count: number;
  readonly bytes: number;
}

/** What is where. `error` says why nothing more is known; counts are null then. */
export interface StoreStatus extends StoreDescription {
  readonly isReachable: boolean;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly images: StoreCount | null;
  readonly snapshots: StoreCount | null;
  readonly deletedImages: StoreCount | null;
  readonly shelvedInstances: number | null;
  /** Of the file system that a directory lies on; null where the engine does not tell. */
  readonly freeBytes: number | null;
  readonly cache: CacheUsage | null;
}

export const STORE_FINDING_KINDS = [
  'broken-image',
  'broken-snapshot',
  'broken-shelved-instance',
  'missing-file',
  'wrong-size',
  'missing-image',
  'missing-parent',
  'unpublished-image',
  'unpublished-snapshot',
  'unfinished-upload',
  'half-deleted',
  'unknown-file',
] as const;
export type StoreFindingKind = (typeof STORE_FINDING_KINDS)[number];

/** Something in a store that is not as it should be. */
export interface StoreFinding {
  readonly kind: StoreFindingKind;
  /** Id of the image, snapshot or instance, or the name in the store of what belongs to none. */
  readonly subject: string;
  readonly message: string;
  /** What removing it would free; null where that is not known. */
  readonly bytes: number | null;
  /** RFC 3339, UTC: since when nobody has written to it; null where that is not known. */
  readonly since: string | null;
  /** Nothing that anybody could want hangs on it: `store gc` removes it once it is old enough. */
  readonly isRemovable: boolean;
}
