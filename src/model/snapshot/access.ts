import { type Caller, isOwner, type Owned } from '../access.ts';
import type { SnapshotShare } from './snapshot.ts';

export interface SharedSnapshot extends Owned {
  readonly shares: readonly SnapshotShare[];
}

/** Whether `caller` sees a snapshot and may make volumes and images of it. */
export function maySeeSnapshot(caller: Caller, snapshot: SharedSnapshot, now: Date): boolean {
  if (snapshot.owner === null || isOwner(caller, snapshot)) return true;
  return snapshot.shares.some(({ principal, expiresAt }) => principal === caller.name && isAhead(expiresAt, now));
}

/** Whether `caller` may delete it, restore its volume or share it: those it is shared with may not. */
export function mayChangeSnapshot(caller: Caller, snapshot: Owned): boolean {
  return snapshot.owner === null || isOwner(caller, snapshot);
}

function isAhead(expiresAt: string | null, now: Date): boolean {
  return expiresAt === null || Date.parse(expiresAt) > now.getTime();
}
