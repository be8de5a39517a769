import type { SnapshotRecord } from './snapshot.ts';

type Node = Pick<SnapshotRecord, 'id' | 'parent'>;

/** The snapshot that the volume held last: it becomes the parent of the next. Deleted ones are no parents. */
export function findHead<T extends Pick<SnapshotRecord, 'headAt' | 'isDeleted' | 'status'>>(
  snapshots: readonly T[],
): T | null {
  const usable = snapshots.filter(({ isDeleted, status }) => !isDeleted && status === 'active');
  return usable.reduce<T | null>((head, each) => (head === null || each.headAt > head.headAt ? each : head), null);
}

/** From the snapshot itself down to the one that stands alone; stops where a parent is missing or comes twice. */
export function listAncestry<T extends Node>(snapshots: readonly T[], id: string): readonly T[] {
  const byId = new Map(snapshots.map((snapshot) => [snapshot.id, snapshot]));
  const ancestry: T[] = [];
  for (let at = byId.get(id); at !== undefined && !ancestry.includes(at); ) {
    ancestry.push(at);
    at = at.parent === null ? undefined : byId.get(at.parent);
  }
  return ancestry;
}

export function childrenOf<T extends Node>(snapshots: readonly T[], id: string): readonly T[] {
  return snapshots.filter(({ parent }) => parent === id);
}
