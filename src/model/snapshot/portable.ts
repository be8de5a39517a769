import type { SnapshotRecord } from './snapshot.ts';

/** What of a record travels: what is of one host, or between people, stays behind. */
export type PortableSnapshot = Omit<
  SnapshotRecord,
  'owner' | 'shares' | 'status' | 'storedBytes' | 'checkpoint' | 'exclusive' | 'users' | 'pending'
>;

export function toPortable(snapshot: SnapshotRecord): PortableSnapshot {
  const { owner, shares, status, storedBytes, checkpoint, exclusive, users, pending, ...portable } = snapshot;
  return portable;
}

/** A record for another store. No bitmap there tells what changed since. */
export function fromPortable(
  portable: PortableSnapshot,
  { owner, storedBytes }: Pick<SnapshotRecord, 'owner' | 'storedBytes'>,
): SnapshotRecord {
  const fresh = { shares: [], status: 'active', checkpoint: null, exclusive: null, users: [], pending: null } as const;
  return { ...portable, ...fresh, owner, storedBytes };
}
