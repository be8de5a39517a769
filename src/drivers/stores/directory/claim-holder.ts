import type { InstanceSubject } from '../documents/claim.ts';
import { claimPath } from '../documents/layout.ts';
import { type ClaimHolder, readClaimHolder } from './claim-chain.ts';
import type { ClaimPlace } from './claim-files.ts';

/** `instances/<uuid>.claim`. INVALID_REQUEST unless the id is a UUID in lower case. */
export function instanceClaimPlace(root: string, instanceId: string): ClaimPlace<InstanceSubject> {
  return { target: claimPath(root, instanceId), subject: { instanceId } };
}

/** Who holds a shelved instance; null when nobody does. Node's errors come through. */
export async function readHolder(root: string, instanceId: string): Promise<ClaimHolder<InstanceSubject> | null> {
  return await readClaimHolder(instanceClaimPlace(root, instanceId));
}
