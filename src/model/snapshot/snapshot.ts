import type { Consistency } from '../consistency.ts';
import type { DiskFormat } from '../image.ts';

/**
 * How the changed blocks were found. full: all blocks, no parent; bitmap: a dirty bitmap knew them; compare: every block was
 * compared with the parent's.
 */
export const SNAPSHOT_METHODS = ['full', 'bitmap', 'compare'] as const;
export type SnapshotMethod = (typeof SNAPSHOT_METHODS)[number];

/** error: it failed a verify. */
export const SNAPSHOT_STATUSES = ['active', 'error'] as const;
export type SnapshotStatus = (typeof SNAPSHOT_STATUSES)[number];

/** Somebody else who sees it and may make volumes and images of it. */
export interface SnapshotShare {
  readonly principal: string;
  /** RFC 3339, UTC; null: until revoked. */
  readonly expiresAt: string | null;
}

/** A thin volume that has the snapshot's file as its backing file. */
export interface SnapshotUser {
  readonly host: string;
  readonly path: string;
  readonly since: string;
}

/** What a file that is about to replace the snapshot's will make of its record; only ever there for moments. */
export interface PendingRewrite {
  readonly parent: string | null;
  readonly sizeBytes: number;
  readonly storedBytes: number;
  readonly sha256: string;
}

/**
 * A point in time of one volume, as the store keeps it. Its file, opened with its backing files, is at every instant what the
 * volume held: whatever is merged or deleted around it.
 */
export interface SnapshotRecord {
  readonly id: string;
  /** Id of the volume, derived from instance and target: it outlives a shelve. */
  readonly volume: string;
  readonly instance: string;
  readonly instanceName: string;
  readonly target: string;
  /** Shared by snapshots of several volumes at one instant. */
  readonly setId: string;
  /** RFC 3339, UTC, with milliseconds: the instant. */
  readonly createdAt: string;
  readonly description: string | null;
  /** The principal that it belongs to; null: the host's. */
  readonly owner: string | null;
  readonly shares: readonly SnapshotShare[];
  readonly status: SnapshotStatus;
  /** The snapshot whose file its own has as backing file; null: it stands alone. */
  readonly parent: string | null;
  readonly method: SnapshotMethod;
  /** Why it was not made by a bitmap, where one could expect it; null when there is nothing to tell. */
  readonly reason: string | null;
  readonly consistency: Consistency;
  /** Size of the volume as a guest sees it. */
  readonly logicalBytes: number;
  /** Length of its file. */
  readonly sizeBytes: number;
  /** Bytes that its file takes on the store's file system. */
  readonly storedBytes: number;
  /** Of its file, lower-case hex. */
  readonly sha256: string;
  readonly isCompressed: boolean;
  /** LUKS in qcow2; a chain is encrypted as a whole, under one key, or not at all. */
  readonly isEncrypted: boolean;
  /** Of the volume it was taken from. */
  readonly volumeFormat: DiskFormat;
  /** Name of the checkpoint and bitmap that tell what changed since; null: none was begun. */
  readonly checkpoint: string | null;
  /** When the volume was last known to hold just this: its instant, or a later restore. */
  readonly headAt: string;
  /** Deleted by its owner, but others still need its data: seen by nobody. */
  readonly isDeleted: boolean;
  /** What deleting it would free, as it was worked out when these were its children; null: not worked out yet. */
  readonly exclusive: { readonly children: readonly string[]; readonly bytes: number } | null;
  readonly users: readonly SnapshotUser[];
  readonly pending: PendingRewrite | null;
  /** Lower-case hex SHA-256 of all that the volume held, as a deep verify first read it; it stays whatever becomes of the files. */
  readonly contentSha256?: string;
}

/** A snapshot as `--json` prints it. */
export interface Snapshot
  extends Omit<SnapshotRecord, 'isDeleted' | 'exclusive' | 'pending' | 'checkpoint' | 'headAt' | 'contentSha256'> {
  /** What deleting it would free; null where it could not be worked out. */
  readonly exclusiveBytes: number | null;
  /** From the snapshot that stands alone to this one, hidden ones included: how many files a restore reads. */
  readonly chainLength: number;
}

/** What a delete would do, and did. */
export interface SnapshotDeletion {
  readonly id: string;
  readonly freedBytes: number;
  /** How much it is cannot be known before: what is compressed, and in a store that bills lengths a file with holes. */
  readonly isEstimate: boolean;
  /** Snapshots whose files take over what they need of the deleted one. */
  readonly rewritten: readonly string[];
  /** Others still need its data: it is hidden now and goes with the last of them. */
  readonly isKeptHidden: boolean;
}

export function shortId(id: string): string {
  return id.slice(0, 8);
}
