import { DarkroomError } from '../../../../model/errors.ts';
import {
  type Claim,
  type ClaimFacts,
  type ClaimSubject,
  isSameHolder,
  serialiseClaim,
  unknownClaim,
} from '../../documents/claim.ts';
import { type ClaimObject, type ClaimPlace, readClaimObject, serialiseTombstone } from './claim-object.ts';

/** Each failed one means that somebody else has just changed it. */
const MAX_ATTEMPTS = 16;

/**
 * null when it is ours now, or was this operation's already; else who holds it. Of many one wins: each replaces what it has seen,
 * or nothing, by a conditional PUT (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html).
 * STORE_UNUSABLE, STORE_WRITE_FAILED, NO_SPACE.
 */
export async function createClaim<Subject extends ClaimSubject>(
  place: ClaimPlace<Subject>,
  claim: Claim<Subject>,
): Promise<Claim<Subject> | null> {
  const content = serialiseClaim(claim);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const seen = await readClaimObject(place);
    if (seen !== null && seen.claim !== null) return isSameHolder(seen.claim, claim) ? null : seen.claim;
    if (await replace(place, { seen, content })) return null;
  }
  return unknownClaim(place.subject);
}

/** null when nobody holds it. STORE_UNUSABLE. */
export async function readClaim<Subject extends ClaimSubject>(
  place: ClaimPlace<Subject>,
): Promise<Claim<Subject> | null> {
  return (await readClaimObject(place))?.claim ?? null;
}

/** Somebody else's stays, also one who takes it over in this moment. STORE_UNUSABLE, STORE_WRITE_FAILED. */
export async function releaseClaim<Subject extends ClaimSubject>(
  place: ClaimPlace<Subject>,
  operationId: string,
): Promise<void> {
  const content = serialiseTombstone();
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const seen = await readClaimObject(place);
    if (seen?.claim?.operationId !== operationId) return;
    if (await replace(place, { seen, content })) return;
  }
  throw new DarkroomError(
    'STORE_WRITE_FAILED',
    `Cannot give up the claim ${place.key} in ${place.bucket.location}: the server refused to replace it ${MAX_ATTEMPTS} times, though nobody changed it. Look at whether it honours If-Match`,
    { fields: { key: place.key, operationId } },
  );
}

/** True when it is ours now: `from` held it, and nobody else was faster. STORE_UNUSABLE, STORE_WRITE_FAILED, NO_SPACE. */
export async function stealClaim<Subject extends ClaimSubject>(
  place: ClaimPlace<Subject>,
  claim: Claim<Subject>,
  from: ClaimFacts,
): Promise<boolean> {
  const content = serialiseClaim(claim);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const seen = await readClaimObject(place);
    if (seen === null || seen.claim === null) return false;
    if (isSameHolder(seen.claim, claim)) return true;
    if (!isSameHolder(seen.claim, from)) return false;
    if (await replace(place, { seen, content })) return true;
  }
  return false;
}

/** False when it is not what was seen any more. Whether a refused one was the repetition of ours, the next look tells. */
async function replace<Subject extends ClaimSubject>(
  { bucket, key }: ClaimPlace<Subject>,
  change: { readonly seen: ClaimObject<Subject> | null; readonly content: string },
): Promise<boolean> {
  const { seen, content } = change;
  const condition = seen === null ? { ifAbsent: true as const } : { ifMatch: seen.etag };
  return (await bucket.put(key, content, condition)) !== null;
}
