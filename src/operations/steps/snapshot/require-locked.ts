import { DarkroomError } from '../../../model/errors.ts';
import type { SnapshotRecord } from '../../../model/snapshot/snapshot.ts';

/**
 * What was locked from a list that was made before the lock must still be what is read: between the two others may have worked.
 * SNAPSHOT_BUSY, also where another host is just rewriting one of them.
 */
export function requireLocked(ancestry: readonly SnapshotRecord[], lockedIds: readonly string[]): void {
  const unlocked = ancestry.find(({ id }) => !lockedIds.includes(id));
  if (unlocked !== undefined) throw busy(unlocked.id, 'was put below it meanwhile. Try again');
  const rewritten = ancestry.find(({ pending }) => pending !== null);
  if (rewritten === undefined) return;
  throw busy(
    rewritten.id,
    'is just being rewritten. Try again; where the process that did it died, the next start of its host ends that',
  );
}

function busy(snapshotId: string, reason: string): DarkroomError {
  return new DarkroomError('SNAPSHOT_BUSY', `The snapshot ${snapshotId} ${reason}.`, { fields: { snapshotId } });
}
