import type { ShelfClaim } from '../../../model/shelved-instance.ts';
import { claimPath, instancesFolder } from '../documents/layout.ts';
import { withStoreErrors } from '../files/store-errors.ts';
import { probeLinks } from './assert-writable.ts';
import { instanceClaimPlace, readHolder } from './claim-holder.ts';
import * as claims from './claims.ts';
import { withProbeFile } from './probe-file.ts';
import { makeInstancesFolder } from './shelf-records.ts';

/** null when it is ours now, or was this operation's already; else who holds it. STORE_WRITE_FAILED, NO_SPACE. */
export async function createClaim(root: string, claim: ShelfClaim): Promise<ShelfClaim | null> {
  const place = instanceClaimPlace(root, claim.instanceId);
  await withStoreErrors({ code: 'STORE_WRITE_FAILED', action: 'write', path: place.target }, async () => {
    await makeInstancesFolder(root);
  });
  return await claims.createClaim(place, claim);
}

/** A shelve would find out too late that nothing can be claimed: without link(2) nobody brings an instance back. STORE_UNUSABLE, NO_SPACE. */
export async function assertClaimable(root: string): Promise<void> {
  const folder = instancesFolder(root);
  await withStoreErrors({ code: 'STORE_UNUSABLE', action: 'make links in', path: folder }, async () => {
    await makeInstancesFolder(root);
    await withProbeFile(folder, probeLinks);
  });
}

/** null when nobody holds it. STORE_UNUSABLE. */
export async function readClaim(root: string, instanceId: string): Promise<ShelfClaim | null> {
  const file = claimPath(root, instanceId);
  return await withStoreErrors({ code: 'STORE_UNUSABLE', action: 'read', path: file }, async () => {
    return (await readHolder(root, instanceId))?.claim ?? null;
  });
}

/** Needs no space for data. Somebody else's stays, also one who takes it over in this moment. STORE_WRITE_FAILED. */
export async function releaseClaim(root: string, instanceId: string, operationId: string): Promise<void> {
  await claims.releaseClaim(instanceClaimPlace(root, instanceId), operationId);
}

/** True when it is ours now: `from` held it, and nobody else was faster. STORE_WRITE_FAILED, NO_SPACE. */
export async function stealClaim(root: string, claim: ShelfClaim, from: ShelfClaim): Promise<boolean> {
  return await claims.stealClaim(instanceClaimPlace(root, claim.instanceId), claim, from);
}
