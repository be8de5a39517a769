import type { FetchOptions } from '../../../model/ports/image-store.ts';
import type { CacheUsage } from '../../../model/store.ts';
import type { ObjectEntry } from './bucket.ts';

/**
 * Files of this host that are, or become, objects of a bucket, below one folder under the names that the objects have: drafts on
 * their way there, and copies of what was uploaded from here or was fetched. Processes of this host share it. Nothing but drafts
 * exists here alone.
 */
export interface Mirror {
  readonly rootPath: string;
  /** Where that object lies here, if it does. */
  path(key: string): string;
  /**
   * The file of that object, as the bucket has it now: fetched where it is not here, or is here as it was before, or with `isFresh`. Mode 0440, of the
   * images' group, or 0600. null when there is no such object. Makes room first; NO_SPACE.
   */
  fetch(key: string, options?: FetchOptions & { readonly isSecret?: boolean }): Promise<string | null>;
  /** The same where it is here already, as the bucket has it now: null otherwise. */
  find(key: string): Promise<string | null>;
  /** What lies at path(key) is what was uploaded as that. */
  record(key: string, entry: ObjectEntry): Promise<void>;
  /** No error when it is not here. */
  forget(key: string): Promise<void>;
  /** Copies below a key that begins so stay, as long as `name` wants them. Idempotent. */
  pin(prefix: string, name: string): Promise<void>;
  unpin(prefix: string, name: string): Promise<void>;
  measure(): Promise<CacheUsage>;
  /** As `StoreUpkeep.freeCache`. */
  free(wantedBytes: number): Promise<number>;
}

export interface MirrorOptions {
  readonly rootPath: string;
  readonly limitBytes: number;
  /** Group that may read image files. */
  readonly imageGroup: string;
  /** False where the store says that nobody wants it any more, as when another host removed the user: then the pin goes. */
  readonly isWanted?: (prefix: string, name: string) => Promise<boolean>;
}
