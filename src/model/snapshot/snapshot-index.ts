import { listDown } from './lineage.ts';
import type { SnapshotRecord } from './snapshot.ts';

/** All snapshots of one volume or of many, hidden ones too, so that looking at each costs its chain and no more. */
export interface SnapshotIndex {
  readonly byId: ReadonlyMap<string, SnapshotRecord>;
  readonly childrenOf: ReadonlyMap<string, readonly SnapshotRecord[]>;
  /** A file of somebody else stands on them: nothing of theirs can go. */
  readonly pinned: ReadonlySet<string>;
}

export function indexSnapshots(records: readonly SnapshotRecord[]): SnapshotIndex {
  const byId = new Map(records.map((record) => [record.id, record]));
  const childrenOf = new Map<string, SnapshotRecord[]>();
  for (const record of records) {
    if (record.parent === null) continue;
    const siblings = childrenOf.get(record.parent);
    if (siblings === undefined) childrenOf.set(record.parent, [record]);
    else siblings.push(record);
  }
  const used = records.filter(({ users }) => users.length > 0);
  const pinned = new Set(used.flatMap((record) => listDown(byId, record).map(({ id }) => id)));
  return { byId, childrenOf, pinned };
}

/** What deleting it would free, as far as that is known without a look at its file; null where it is not. */
export function knownExclusive(index: SnapshotIndex, record: SnapshotRecord): number | null {
  if (index.pinned.has(record.id)) return 0;
  const children = childrenIn(index, record);
  if (children.length > 1) return 0;
  if (children.length === 0) return removedWith(index, record);
  const { exclusive } = record;
  return exclusive !== null && isSame(exclusive.children, children) ? exclusive.bytes : null;
}

/** With it go hidden ones that nobody else needs; one of which another still needs all moves there, and how much that frees is not known. */
function removedWith(index: SnapshotIndex, record: SnapshotRecord): number | null {
  let freedBytes = record.storedBytes;
  for (const below of listDown(index.byId, record).slice(1)) {
    if (!below.isDeleted || index.pinned.has(below.id)) break;
    const others = childrenIn(index, below).length - 1;
    if (others > 1) break;
    if (others === 1) return null;
    freedBytes += below.storedBytes;
  }
  return freedBytes;
}

function childrenIn({ childrenOf }: SnapshotIndex, { id }: SnapshotRecord): readonly SnapshotRecord[] {
  return childrenOf.get(id) ?? [];
}

function isSame(ids: readonly string[], children: readonly SnapshotRecord[]): boolean {
  return ids.length === children.length && children.every(({ id }) => ids.includes(id));
}
