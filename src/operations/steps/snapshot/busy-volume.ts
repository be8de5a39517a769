import { DarkroomError } from '../../../model/errors.ts';
import type { SnapshotStore, VolumeClaim } from '../../../model/ports/snapshot-store.ts';

/** Says who has the claim, and what to do where that host is gone for good. */
export function busyVolume({ location }: Pick<SnapshotStore, 'location'>, claim: VolumeClaim): DarkroomError {
  const { volume, host, since, kind, operationId } = claim;
  const lock = `${location.replace(/\/+$/, '')}/snapshots/${volume}/lock`;
  const advice = location.startsWith('s3://') ? `delete the object ${lock}, as with aws s3 rm` : `remove ${lock}`;
  return new DarkroomError(
    'VOLUME_BUSY',
    `The snapshots of volume ${volume} in ${location} are being changed by host ${host} since ${since} (${kind}, operation ${operationId}). ` +
      `Wait for it; where that host is gone for good, ${advice}.`,
    { fields: { volume, host, operationId, kind } },
  );
}
