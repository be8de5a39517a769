import type { CacheUsage, StoreDescription, StoreFinding } from '../store.ts';
import type { ImageStore } from './image-store.ts';
import type { Shelf } from './shelf.ts';
import type { SnapshotStore } from './snapshot-store.ts';

/** What operators need of a store besides its content. STORE_UNUSABLE, STORE_WRITE_FAILED. */
export interface StoreUpkeep {
  /**
   * What of the layout belongs to no image, snapshot or shelved instance, or is missing or of a wrong length. Reads names, lengths,
   * manifests and records, and no content.
   */
  findFaults(signal?: AbortSignal): Promise<readonly StoreFinding[]>;
  /** Removes a removable finding, unless it is another thing by now; false then. */
  removeFault(finding: StoreFinding): Promise<boolean>;
  /** null where the store lies on this host. */
  measureCache(): Promise<CacheUsage | null>;
  /**
   * Frees up to that many bytes of copies that no disk of this host stands on and nobody used in the last hour. Returns how many were
   * freed. 0 where the store lies on this host.
   */
  freeCache(wantedBytes: number): Promise<number>;
}

/** One store, with all that it holds. */
export interface OpenStore {
  readonly description: StoreDescription;
  readonly images: ImageStore;
  readonly shelf: Shelf;
  readonly snapshots: SnapshotStore;
  readonly upkeep: StoreUpkeep;
}

/** The stores that the configuration names. Opening one touches nothing. */
export interface Stores {
  /** The default first. */
  list(): readonly StoreDescription[];
  /**
   * By its name: STORE_NOT_FOUND. Or an absolute path of a folder, or an s3:// URL, whatever the configuration says: whether the
   * caller may name those is the use case's to decide.
   */
  open(nameOrLocation: string): OpenStore;
}
