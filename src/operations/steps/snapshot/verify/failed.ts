import { DarkroomError } from '../../../../model/errors.ts';

/** What was found, of which snapshot; `fields.snapshotId` is the one that the fault is in. */
export function verifyFailed(snapshotId: string, reason: string, cause?: unknown): DarkroomError {
  return new DarkroomError(
    'VERIFY_FAILED',
    `The snapshot ${snapshotId} is not what it was: ${reason}. Neither it nor what stands on it can be restored; bring back its ` +
      'file from a copy of the store and verify it again, or delete it.',
    { fields: { snapshotId, reason }, ...(cause === undefined ? {} : { cause }) },
  );
}
