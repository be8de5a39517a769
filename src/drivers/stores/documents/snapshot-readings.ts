import type { BrokenSnapshot } from '../../../model/ports/snapshot-store.ts';
import type { SnapshotRecord } from '../../../model/snapshot/snapshot.ts';
import { compareById } from './compare-ids.ts';
import { damageReason } from './damage-reason.ts';
import { type SnapshotKey, snapshotNotFound } from './snapshot-layout.ts';

/** What came of reading a record. */
export type SnapshotReading =
  | { readonly snapshot: SnapshotRecord }
  | { readonly broken: BrokenSnapshot; readonly cause: unknown };

export interface SnapshotListing {
  readonly snapshots: readonly SnapshotRecord[];
  readonly broken: readonly BrokenSnapshot[];
}

export function brokenSnapshot(
  key: SnapshotKey,
  { cause, otherwise }: { readonly cause: unknown; readonly otherwise: string },
): SnapshotReading {
  return { broken: { ...key, reason: damageReason(cause, { code: 'SNAPSHOT_DAMAGED', otherwise }) }, cause };
}

/** Oldest first; a record that is broken is reported beside the others. */
export function listReadings(readings: readonly SnapshotReading[]): SnapshotListing {
  const snapshots = readings.flatMap((reading) => ('snapshot' in reading ? [reading.snapshot] : []));
  const broken = readings.flatMap((reading) => ('broken' in reading ? [reading.broken] : []));
  return { snapshots: snapshots.sort(compareByTime), broken: broken.sort(compareById) };
}

/**
 * The one of that id: a copy that somebody put into another volume's folder does not hide it. Where none is sound, why the first
 * is not; SNAPSHOT_NOT_FOUND where there is none.
 */
export function pickReading(readings: readonly SnapshotReading[], id: string): SnapshotRecord {
  for (const reading of readings) if ('snapshot' in reading) return reading.snapshot;
  throw readings.map((reading) => ('cause' in reading ? reading.cause : null))[0] ?? snapshotNotFound(id);
}

function compareByTime(left: SnapshotRecord, right: SnapshotRecord): number {
  if (left.createdAt !== right.createdAt) return left.createdAt < right.createdAt ? -1 : 1;
  return compareById(left, right);
}
