import type { SnapshotRecord } from '../../../model/snapshot/snapshot.ts';

/** Oldest first. */
export function compareByTime(left: SnapshotRecord, right: SnapshotRecord): number {
  if (left.createdAt !== right.createdAt) return left.createdAt < right.createdAt ? -1 : 1;
  return compareById(left, right);
}

export function compareById(left: { readonly id: string }, right: { readonly id: string }): number {
  return left.id < right.id ? -1 : 1;
}
