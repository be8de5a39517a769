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
export function listDown<T extends Node>(byId: ReadonlyMap<string, T>, snapshot: T): readonly T[] {
  const seen = new Set<T>();
  for (let at: T | undefined = snapshot; at !== undefined && !seen.has(at); ) {
    seen.add(at);
    at = at.parent === null ? undefined : byId.get(at.parent);
  }
  return [...seen];
}

/** The same by its id, of a list; [] where it is not in it. */
export function listAncestry<T extends Node>(snapshots: readonly T[], id: string): readonly T[] {
  const byId = new Map(snapshots.map((snapshot) => [snapshot.id, snapshot]));
  const snapshot = byId.get(id);
  return snapshot === undefined ? [] : listDown(byId, snapshot);
}

export function childrenOf<T extends Node>(snapshots: readonly T[], id: string): readonly T[] {
  return snapshots.filter(({ parent }) => parent === id);
}
