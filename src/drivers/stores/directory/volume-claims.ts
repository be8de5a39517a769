import type { VolumeClaim } from '../../../model/ports/snapshot-store.ts';
import type { VolumeSubject } from '../documents/claim.ts';
import { FOLDER_MODE } from '../documents/layout.ts';
import { volumeFolder, volumeLockPath } from '../documents/snapshot-layout.ts';
import { makeFolders } from '../files/durable-files.ts';
import { withStoreErrors } from '../files/store-errors.ts';
import { readClaimHolder } from './claim-chain.ts';
import type { ClaimPlace } from './claim-files.ts';
import * as claims from './claims.ts';

/** null when it is ours now, or was this operation's already; else who holds it. STORE_WRITE_FAILED, NO_SPACE. */
export async function claimVolume(root: string, claim: VolumeClaim): Promise<VolumeClaim | null> {
  const place = placeOf(root, claim.volume);
  await withStoreErrors({ code: 'STORE_WRITE_FAILED', action: 'write', path: place.target }, async () => {
    await makeFolders(volumeFolder(root, claim.volume), FOLDER_MODE);
  });
  return await claims.createClaim(place, claim);
}

/** null when nobody holds it. STORE_UNUSABLE. */
export async function readVolumeClaim(root: string, volume: string): Promise<VolumeClaim | null> {
  const place = placeOf(root, volume);
  return await withStoreErrors({ code: 'STORE_UNUSABLE', action: 'read', path: place.target }, async () => {
    return (await readClaimHolder(place))?.claim ?? null;
  });
}

/** Needs no space for data. Somebody else's stays, also one who takes it over in this moment. STORE_WRITE_FAILED. */
export async function releaseVolumeClaim(root: string, volume: string, operationId: string): Promise<void> {
  await claims.releaseClaim(placeOf(root, volume), operationId);
}

/** True when it is ours now: `from` held it, and nobody else was faster. STORE_WRITE_FAILED, NO_SPACE. */
export async function stealVolumeClaim(root: string, claim: VolumeClaim, from: VolumeClaim): Promise<boolean> {
  return await claims.stealClaim(placeOf(root, claim.volume), claim, from);
}

/** `snapshots/<volume>/lock`. INVALID_REQUEST unless the id is a UUID in lower case. */
function placeOf(root: string, volume: string): ClaimPlace<VolumeSubject> {
  return { target: volumeLockPath(root, volume), subject: { volume } };
}
