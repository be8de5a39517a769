import type { Snapshot } from './snapshot.ts';

/** A snapshot as part of a chain. */
export interface SnapshotLink extends Snapshot {
  /** Needed by others, but nothing that the caller can name: deleted before, or not shared with it. */
  readonly isHidden: boolean;
}
