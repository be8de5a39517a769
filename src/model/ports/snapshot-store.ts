import type { SnapshotRecord } from '../snapshot/snapshot.ts';
import type { FetchOptions, TransferOptions } from './image-store.ts';

export interface BrokenSnapshot {
  readonly id: string;
  readonly volume: string;
  readonly reason: string;
}

/** Who alone changes the snapshots of a volume, among all hosts of the store. */
export interface VolumeClaim {
  readonly volume: string;
  readonly host: string;
  readonly operationId: string;
  readonly kind: string;
  /** RFC 3339, UTC. */
  readonly since: string;
}

/** A file in the making, under a temporary name in the volume's folder; nobody takes it for a snapshot. */
export interface SnapshotFileDraft {
  readonly path: string;
  /** Sets owner and mode (0440, group of images) and fsyncs. Lengths in bytes. */
  seal(): Promise<{ readonly sizeBytes: number; readonly storedBytes: number }>;
  /**
   * Gives the sealed file the snapshot's name, in the place of what has it, durably; where the store is elsewhere, brings it there.
   * Done already: no error.
   */
  moveIn(options?: TransferOptions): Promise<void>;
  /** No error when there is nothing. Never touches the snapshot's own file. */
  discard(): Promise<void>;
}

/**
 * Snapshots of one store, which hosts may share: `snapshots/<volume>/<id>.json`, `<id>.qcow2`, `<id>.xml` (the instance's
 * definition with its secrets, 0600) and `lock`. Backing names are relative, within the folder. The record makes the snapshot: it
 * is written last and removed first. Unknown ids: SNAPSHOT_NOT_FOUND; a record that does not hold what it must: SNAPSHOT_DAMAGED;
 * a store that cannot be read: STORE_UNUSABLE; a write that failed: STORE_WRITE_FAILED, NO_SPACE. Nothing in a record is trusted:
 * ids are UUIDs, and only ids become names of files.
 */
export interface SnapshotStore {
  /** As given in the configuration. */
  readonly location: string;
  /** Folder that snapshots are written below; for space checks. */
  readonly rootPath: string;
  /** STORE_UNUSABLE unless snapshots of that volume can be made. Creates the layout where it is missing. */
  assertWritable(volume: string): Promise<void>;

  /** Oldest first, deleted ones that others need included; of one volume, or of all. */
  list(filter?: { readonly volume?: string }): Promise<{
    readonly snapshots: readonly SnapshotRecord[];
    readonly broken: readonly BrokenSnapshot[];
  }>;
  read(snapshotId: string): Promise<SnapshotRecord>;
  /** Absolute path that the snapshot's file has, or will have. */
  filePath(snapshot: Pick<SnapshotRecord, 'id' | 'volume'>): string;
  /**
   * The same, checked to be a regular file: SNAPSHOT_DAMAGED (fields: `isMissing` where this one is not there). Where the store is elsewhere, it and all that it stands on is brought
   * here first, unless that is here as it is there; it then stays for an hour at least, and as long as a thin volume of this host
   * stands on it. What the store no longer holds as it was stored is SNAPSHOT_DAMAGED; a copy that is here stays then. `isFresh` is of
   * this file alone. With `isKept` all of it stays from then on, as when the thin volume was made: for files that somebody removed.
   */
  resolveFile(
    snapshot: Pick<SnapshotRecord, 'id' | 'volume'>,
    options?: FetchOptions & { readonly isKept?: boolean },
  ): Promise<string>;
  /** It, and all that it stands on, can be read without bringing anything here. False too where a file of it is missing. */
  isHere(snapshot: Pick<SnapshotRecord, 'id' | 'volume'>): Promise<boolean>;
  /** null where none was kept. */
  readDomainXml(snapshot: Pick<SnapshotRecord, 'id' | 'volume'>): Promise<string | null>;

  /** A file that becomes, or replaces, that snapshot's. `tag` tells the temporary files of one operation from each other's. */
  draft(snapshot: Pick<SnapshotRecord, 'id' | 'volume'>, tag: string): SnapshotFileDraft;
  /** Temporary files of that operation's tag that are left in the folder are removed. */
  discardDrafts(volume: string, tag: string): Promise<void>;
  /** Definition first, then the record, last; the file is in place. Exists already: SNAPSHOT_STATE. */
  publish(snapshot: SnapshotRecord, domainXml: string | null): Promise<void>;
  /** Replaces the record atomically. SNAPSHOT_NOT_FOUND when there is none. */
  update(snapshot: SnapshotRecord): Promise<void>;
  /** Record first, then definition and file. Idempotent. */
  remove(snapshot: Pick<SnapshotRecord, 'id' | 'volume'>): Promise<void>;

  /** An exclusive, durable creation: null when it is ours now (or was already), else who holds it. */
  claim(claim: VolumeClaim): Promise<VolumeClaim | null>;
  /** null when nobody holds it. */
  readClaim(volume: string): Promise<VolumeClaim | null>;
  /** Somebody else's stays. */
  releaseClaim(volume: string, operationId: string): Promise<void>;
  /** Takes over the claim of `from`, who must be dead, and of nobody else. False when it is another's by now. */
  stealClaim(claim: VolumeClaim, from: VolumeClaim): Promise<boolean>;
}
