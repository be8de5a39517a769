import type { LockRequest } from '../../support/use-case.ts';

/** Changing the files of a volume's snapshots, or adding one: one at a time on a host; the store's claim says so among hosts. */
export function volumeLock(volume: string): string {
  return `volume:${volume}`;
}

export function snapshotLock(id: string): string {
  return `snapshot:${id}`;
}

/** For whoever reads a snapshot with all that it stands on: nothing of it is rewritten or deleted meanwhile. */
export function readLocks(ancestry: readonly { readonly id: string }[]): LockRequest['shared'] {
  return ancestry.map(({ id }) => snapshotLock(id));
}
