import type { Caller } from '../access.ts';
import { mayChangeSnapshot, maySeeSnapshot } from './access.ts';
import type { SnapshotLink } from './chain-link.ts';
import { listDown } from './lineage.ts';
import type { Snapshot, SnapshotRecord } from './snapshot.ts';
import { knownExclusive, type SnapshotIndex } from './snapshot-index.ts';

/** Who looks, and when. */
export interface Viewer {
  readonly caller: Caller;
  readonly now: Date;
}

/** As its viewer may see it: whom else it is shared with, and what stands on it where, is its owner's business. */
export function describeSnapshot(index: SnapshotIndex, record: SnapshotRecord, viewer: Viewer): Snapshot {
  const { isDeleted: _, exclusive: _exclusive, pending: _pending, checkpoint: _name, headAt: _at, ...told } = record;
  const isOwn = mayChangeSnapshot(viewer.caller, record);
  const shares = record.shares.filter(
    ({ principal, expiresAt }) =>
      (isOwn || principal === viewer.caller.name) &&
      (expiresAt === null || Date.parse(expiresAt) > viewer.now.getTime()),
  );
  return {
    ...told,
    shares,
    users: isOwn ? record.users : [],
    exclusiveBytes: knownExclusive(index, record),
    chainLength: listDown(index.byId, record).length,
  };
}

/** As part of a chain that the viewer sees: of one that it may not see there is only what the chain is made of. */
export function describeLink(index: SnapshotIndex, record: SnapshotRecord, viewer: Viewer): SnapshotLink {
  const described = describeSnapshot(index, record, viewer);
  if (isNameable(record, viewer)) return { ...described, isHidden: false };
  return { ...described, description: null, reason: null, owner: null, shares: [], users: [], isHidden: true };
}

/** It is there for the viewer by itself, not only as a part of another. */
export function isNameable(record: SnapshotRecord, { caller, now }: Viewer): boolean {
  return !record.isDeleted && maySeeSnapshot(caller, record, now);
}
