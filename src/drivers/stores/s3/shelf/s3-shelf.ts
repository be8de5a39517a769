import type { Shelf } from '../../../../model/ports/shelf.ts';
import type { InstanceSubject } from '../../documents/claim.ts';
import { claimPath } from '../../documents/layout.ts';
import type { Bucket } from '../bucket.ts';
import type { ClaimPlace } from '../claims/claim-object.ts';
import { createClaim, readClaim, releaseClaim, stealClaim } from '../claims/claims.ts';
import { assertConditionalWrites } from '../probe-writes.ts';
import { createShelfList, readShelved, removeShelved, writeShelved } from './shelf-records.ts';

export interface S3ShelfOptions {
  readonly bucket: Bucket;
}

/**
 * Shelved instances in a bucket: `instances/<uuid>.json` and `instances/<uuid>.claim`. Nothing is touched before the first call.
 * Errors as the port says; an id that is no UUID is INVALID_REQUEST. Claims rest on conditional PUTs; one that was given up stays
 * as an object that says so.
 */
export function createS3Shelf({ bucket }: S3ShelfOptions): Shelf {
  const list = createShelfList(bucket);
  const placeOf = (instanceId: string): ClaimPlace<InstanceSubject> => ({
    bucket,
    key: claimPath('', instanceId),
    subject: { instanceId },
  });
  return {
    assertWritable: async () => await assertConditionalWrites(bucket),
    list,
    read: async (instanceId) => await readShelved(bucket, instanceId),
    write: async (record) => await writeShelved(bucket, record),
    remove: async (instanceId) => await removeShelved(bucket, instanceId),
    claim: async (claim) => await createClaim(placeOf(claim.instanceId), claim),
    readClaim: async (instanceId) => await readClaim(placeOf(instanceId)),
    releaseClaim: async (instanceId, operationId) => await releaseClaim(placeOf(instanceId), operationId),
    stealClaim: async (claim, from) => await stealClaim(placeOf(claim.instanceId), claim, from),
  };
}
