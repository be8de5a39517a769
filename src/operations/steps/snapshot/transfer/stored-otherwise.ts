import { DarkroomError } from '../../../../model/errors.ts';
import type { SnapshotRecord } from '../../../../model/snapshot/snapshot.ts';

/** The store does not hold what the record of a snapshot says. */
export function storedOtherwise({ id, sha256 }: SnapshotRecord, seen: string): DarkroomError {
  return new DarkroomError(
    'SNAPSHOT_DAMAGED',
    `The snapshot ${id} is damaged: its file has the SHA-256 ${seen} instead of ${sha256}. darkroom snapshot verify ${id} says more.`,
    { fields: { snapshotId: id, expected: sha256, seen } },
  );
}
