import { link, rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ShelfClaim } from '../../../model/shelved-instance.ts';
import { linkExclusively, type NewClaimFile, unknownClaim, withNewClaimFile } from './claim-files.ts';
import { type ClaimHolder, readHolder } from './claim-holder.ts';
import { SECRET_FILE_MODE } from './context.ts';
import { syncFolder } from './durable-files.ts';
import { claimPath, instancesFolder } from './layout.ts';
import { withProbeFile } from './probe-file.ts';
import { makeInstancesFolder } from './shelf-records.ts';
import { errnoOf, type StoreFailure, withStoreErrors } from './store-errors.ts';

const MAX_ATTEMPTS = 16;
/** A host gives a claim up in milliseconds, or died doing so. */
const GIVING_UP_MS = 1000;

/** null when it is ours now, or was this operation's already; else who holds it. STORE_WRITE_FAILED, NO_SPACE. */
export async function createClaim(root: string, claim: ShelfClaim): Promise<ShelfClaim | null> {
  const target = claimPath(root, claim.instanceId);
  return await withStoreErrors(failure('write', target), async () => {
    await makeInstancesFolder(root);
    return await withNewClaimFile(root, claim, (file) => claimOrTellHolder(root, file));
  });
}

/** A shelve would find out too late that nothing can be claimed: without link(2) nobody brings an instance back. STORE_UNUSABLE, NO_SPACE. */
export async function assertClaimable(root: string): Promise<void> {
  const folder = instancesFolder(root);
  await withStoreErrors({ code: 'STORE_UNUSABLE', action: 'make links in', path: folder }, async () => {
    await makeInstancesFolder(root);
    await withProbeFile(folder, async (file) => {
      await writeFile(file, 'darkroom', { flag: 'wx', mode: SECRET_FILE_MODE });
      await link(file, `${file}.link`);
      await syncFolder(folder);
    });
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
  const target = claimPath(root, instanceId);
  await withStoreErrors(failure('remove', target), async () => {
    const holder = await readHolder(root, instanceId);
    if (holder?.claim.operationId !== operationId) return;
    if (!holder.isEnding && !(await beginRelease(holder))) return;
    const ending = await readHolder(root, instanceId);
    if (ending?.key !== holder.key || !ending.isEnding) return;
    await rm(target, { force: true });
    await syncFolder(instancesFolder(root));
    await removeTrail(ending);
  });
}

/** True when it is ours now: `from` held it, and nobody else was faster. STORE_WRITE_FAILED, NO_SPACE. */
export async function stealClaim(root: string, claim: ShelfClaim, from: ShelfClaim): Promise<boolean> {
  const target = claimPath(root, claim.instanceId);
  return await withStoreErrors(failure('take over', target), async () => {
    const holder = await readSettledHolder(root, claim.instanceId);
    if (holder === null) return false;
    if (isSameHolder(holder.claim, claim)) return true;
    if (!isSameHolder(holder.claim, from)) return false;
    return await withNewClaimFile(root, claim, (file) => takeOver(root, { file, holder }));
  });
}

async function claimOrTellHolder(root: string, file: NewClaimFile): Promise<ShelfClaim | null> {
  const { instanceId } = file.claim;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    if (await file.linkTo(claimPath(root, instanceId))) {
      await syncFolder(instancesFolder(root));
      return null;
    }
    const holder = await readHolder(root, instanceId);
    if (holder === null) continue; // given up between the two looks
    if (!isSameHolder(holder.claim, file.claim)) return holder.claim;
    await syncFolder(instancesFolder(root));
    return null;
  }
  return unknownClaim(instanceId);
}

async function beginRelease(holder: ClaimHolder): Promise<boolean> {
  const { key, claim } = holder;
  try {
    return await linkExclusively(holder.file, holder.endPath, { key, instanceId: claim.instanceId });
  } catch (error) {
    // its file went away: it was taken over
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

async function readSettledHolder(root: string, instanceId: string): Promise<ClaimHolder | null> {
  const holder = await readHolder(root, instanceId);
  if (holder === null || !holder.isEnding) return holder;
  await sleep(GIVING_UP_MS);
  return await readHolder(root, instanceId);
}

async function takeOver(
  root: string,
  options: { readonly file: NewClaimFile; readonly holder: ClaimHolder },
): Promise<boolean> {
  const { file, holder } = options;
  const { instanceId } = file.claim;
  if (!(await file.linkTo(holder.endPath))) return false;
  const now = await readHolder(root, instanceId);
  if (now?.key !== file.key) {
    // it was given up meanwhile: our link leads nowhere
    await rm(holder.endPath, { force: true });
    return false;
  }
  await replaceHead(file, { target: claimPath(root, instanceId), endPath: holder.endPath });
  await syncFolder(instancesFolder(root));
  await removeTrail(now);
  return true;
}

async function replaceHead(
  file: NewClaimFile,
  options: { readonly target: string; readonly endPath: string },
): Promise<void> {
  try {
    await rename(file.path, options.target);
  } catch (error) {
    // Who could not finish has not taken it over.
    await rm(options.endPath, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** Leftovers would do no harm, since no later claim has the same key. */
async function removeTrail(holder: ClaimHolder): Promise<void> {
  for (const name of holder.trail) await rm(name, { force: true }).catch(() => undefined);
}

function isSameHolder(left: ShelfClaim, right: ShelfClaim): boolean {
  return left.host === right.host && left.operationId === right.operationId;
}

function failure(action: string, file: string): StoreFailure {
  return { code: 'STORE_WRITE_FAILED', action, path: file };
}
