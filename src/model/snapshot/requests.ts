import type { RequestedConsistency } from '../consistency.ts';
import type { Page } from '../pages.ts';

/** Of one volume, or of all volumes of an instance at one instant: exactly one of the two is stated. */
export interface CreateSnapshotRequest {
  readonly kind: 'snapshot.create';
  /** Id, or `<instance>/<target>`. */
  readonly volume: string | null;
  readonly instance: string | null;
  readonly description: string | null;
  readonly consistency: RequestedConsistency;
  /** All blocks, whatever there is already. */
  readonly isFull: boolean;
  readonly isCompressed: boolean;
  readonly isEncrypted: boolean;
}

/** Snapshots are named by their id, or the beginning of it where that is unique (8 characters or more). */
export interface DeleteSnapshotRequest {
  readonly kind: 'snapshot.delete';
  readonly snapshot: string;
}

export interface RestoreSnapshotRequest {
  readonly kind: 'snapshot.restore';
  readonly snapshot: string;
}

export interface VerifySnapshotRequest {
  readonly kind: 'snapshot.verify';
  readonly snapshot: string;
  /** Also reads every block as a restore would, and compares it with what was read before or with the volume itself. */
  readonly isDeep: boolean;
}

export interface ExportSnapshotRequest {
  readonly kind: 'snapshot.export';
  readonly snapshot: string;
  /** A file that does not exist. */
  readonly path: string;
}

export interface ImportSnapshotRequest {
  readonly kind: 'snapshot.import';
  readonly path: string;
}

export interface CopySnapshotRequest {
  readonly kind: 'snapshot.copy';
  readonly snapshot: string;
  /** Name of a store of the configuration, or a folder. */
  readonly store: string;
}

/** Serves it until the operation is cancelled. */
export interface MountSnapshotRequest {
  readonly kind: 'snapshot.mount';
  readonly snapshot: string;
  /** An empty folder that its first file system is mounted on, read-only; null: as NBD on a socket alone. */
  readonly directory: string | null;
}

/** Shortens the chains of a volume that are longer than they may be. */
export interface ConsolidateSnapshotsRequest {
  readonly kind: 'snapshot.consolidate';
  readonly volume: string;
}

export interface CreateVolumeRequest {
  readonly kind: 'volume.create';
  readonly snapshot: string;
  /** null: a new name in the instances' folder. */
  readonly path: string | null;
  readonly clone: 'thin' | 'full';
  readonly format: 'qcow2' | 'raw';
}

export interface ImageFromSnapshotRequest {
  readonly kind: 'image.from-snapshot';
  readonly snapshot: string;
  readonly name: string;
  readonly description: string | null;
  readonly properties: Readonly<Record<string, string>>;
  readonly isEncrypted: boolean;
}

export type SnapshotRequest =
  | CreateSnapshotRequest
  | DeleteSnapshotRequest
  | RestoreSnapshotRequest
  | VerifySnapshotRequest
  | ExportSnapshotRequest
  | ImportSnapshotRequest
  | CopySnapshotRequest
  | MountSnapshotRequest
  | ConsolidateSnapshotsRequest
  | CreateVolumeRequest
  | ImageFromSnapshotRequest;

export interface SnapshotFilter extends Page {
  /** Id, or `<instance>/<target>` of an instance that is here. */
  readonly volume?: string;
  /** Name or id; of one that is no longer here the id. */
  readonly instance?: string;
}
