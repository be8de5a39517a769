import { DarkroomError } from '../../../model/errors.ts';
import type { SnapshotRecord } from '../../../model/snapshot/snapshot.ts';
import type { Core } from '../../support/context.ts';
import { requireAncestry } from './find-snapshot.ts';

/** What an operation found out about a snapshot before it had its locks. */
export interface LockedSnapshot {
  readonly snapshotId: string;
  readonly volume: string;
  /** Ids of the snapshots whose locks are held. */
  readonly locked: readonly string[];
}

export interface ReadableSnapshot {
  readonly snapshot: SnapshotRecord;
  /** From the snapshot itself to the one that stands alone. */
  readonly ancestry: readonly SnapshotRecord[];
}

/** Looks again, under the locks. SNAPSHOT_BUSY where its chain is no longer the one that was locked; SNAPSHOT_NOT_FOUND, SNAPSHOT_DAMAGED. */
export async function requireLockedAncestry(
  core: Core,
  { snapshotId, volume, locked }: LockedSnapshot,
): Promise<ReadableSnapshot> {
  const ancestry = await requireAncestry(core, { id: snapshotId, volume });
  const [snapshot] = ancestry;
  if (snapshot === undefined || snapshot.isDeleted) throw gone(snapshotId);
  const stranger = ancestry.find(({ id }) => !locked.includes(id));
  if (stranger === undefined) return { snapshot, ancestry };
  throw new DarkroomError(
    'SNAPSHOT_BUSY',
    `The chain below the snapshot ${snapshotId} was changed meanwhile: it stands on ${stranger.id} now. Try again.`,
    { fields: { snapshotId, parent: stranger.id } },
  );
}

function gone(snapshotId: string): DarkroomError {
  return new DarkroomError('SNAPSHOT_NOT_FOUND', `The snapshot ${snapshotId} was deleted meanwhile.`, {
    fields: { snapshot: snapshotId },
  });
}
