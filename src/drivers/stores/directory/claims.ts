import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Claim, type ClaimFacts, type ClaimSubject, isSameHolder, unknownClaim } from '../documents/claim.ts';
import { syncFolder } from '../files/durable-files.ts';
import { errnoOf, type StoreFailure, withStoreErrors } from '../files/store-errors.ts';
import { type ClaimHolder, readClaimHolder } from './claim-chain.ts';
import { type ClaimPlace, linkExclusively, type NewClaimFile, withNewClaimFile } from './claim-files.ts';

const MAX_ATTEMPTS = 16;
/** A host gives a claim up in milliseconds, or died doing so. */
const GIVING_UP_MS = 1000;

/** The folder is there. null when it is ours now, or was this operation's already; else who holds it. STORE_WRITE_FAILED, NO_SPACE. */
export async function createClaim<Subject extends ClaimSubject>(
  place: ClaimPlace<Subject>,
  claim: Claim<Subject>,
): Promise<Claim<Subject> | null> {
  return await withStoreErrors(failure('write', place.target), async () => {
    return await withNewClaimFile(place, claim, (file) => claimOrTellHolder(place, file));
  });
}

/** Needs no space for data. Somebody else's stays, also one who takes it over in this moment. STORE_WRITE_FAILED. */
export async function releaseClaim<Subject extends ClaimSubject>(
  place: ClaimPlace<Subject>,
  operationId: string,
): Promise<void> {
  await withStoreErrors(failure('remove', place.target), async () => {
    const holder = await readClaimHolder(place);
    if (holder?.claim.operationId !== operationId) return;
    if (!holder.isEnding && !(await beginRelease(place, holder))) return;
    const ending = await readClaimHolder(place);
    if (ending?.key !== holder.key || !ending.isEnding) return;
    await rm(place.target, { force: true });
    await syncFolder(path.dirname(place.target));
    await removeTrail(ending);
  });
}

/** True when it is ours now: `from` held it, and nobody else was faster. STORE_WRITE_FAILED, NO_SPACE. */
export async function stealClaim<Subject extends ClaimSubject>(
  place: ClaimPlace<Subject>,
  claim: Claim<Subject>,
  from: ClaimFacts,
): Promise<boolean> {
  return await withStoreErrors(failure('take over', place.target), async () => {
    const holder = await readSettledHolder(place);
    if (holder === null) return false;
    if (isSameHolder(holder.claim, claim)) return true;
    if (!isSameHolder(holder.claim, from)) return false;
    return await withNewClaimFile(place, claim, (file) => takeOver(place, { file, holder }));
  });
}

async function claimOrTellHolder<Subject extends ClaimSubject>(
  place: ClaimPlace<Subject>,
  file: NewClaimFile<Subject>,
): Promise<Claim<Subject> | null> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    if (await file.linkTo(place.target)) {
      await syncFolder(path.dirname(place.target));
      return null;
    }
    const holder = await readClaimHolder(place);
    if (holder === null) continue; // given up between the two looks
    if (!isSameHolder(holder.claim, file.claim)) return holder.claim;
    await syncFolder(path.dirname(place.target));
    return null;
  }
  return unknownClaim(place.subject);
}

async function beginRelease<Subject extends ClaimSubject>(
  { subject }: ClaimPlace<Subject>,
  { key, file, endPath }: ClaimHolder<Subject>,
): Promise<boolean> {
  try {
    return await linkExclusively(file, endPath, { ...subject, key });
  } catch (error) {
    // its file went away: it was taken over
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

async function readSettledHolder<Subject extends ClaimSubject>(
  place: ClaimPlace<Subject>,
): Promise<ClaimHolder<Subject> | null> {
  const holder = await readClaimHolder(place);
  if (holder === null || !holder.isEnding) return holder;
  await sleep(GIVING_UP_MS);
  return await readClaimHolder(place);
}

async function takeOver<Subject extends ClaimSubject>(
  place: ClaimPlace<Subject>,
  options: { readonly file: NewClaimFile<Subject>; readonly holder: ClaimHolder<Subject> },
): Promise<boolean> {
  const { file, holder } = options;
  if (!(await file.linkTo(holder.endPath))) return false;
  const now = await readClaimHolder(place);
  if (now?.key !== file.key) {
    // it was given up meanwhile: our link leads nowhere
    await rm(holder.endPath, { force: true });
    return false;
  }
  await replaceHead(file.path, { target: place.target, endPath: holder.endPath });
  await syncFolder(path.dirname(place.target));
  await removeTrail(now);
  return true;
}

async function replaceHead(
  file: string,
  options: { readonly target: string; readonly endPath: string },
): Promise<void> {
  try {
    await rename(file, options.target);
  } catch (error) {
    // Who could not finish has not taken it over.
    await rm(options.endPath, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** Leftovers would do no harm, since no later claim has the same key. */
async function removeTrail({ trail }: { readonly trail: readonly string[] }): Promise<void> {
  for (const name of trail) await rm(name, { force: true }).catch(() => undefined);
}

function failure(action: string, file: string): StoreFailure {
  return { code: 'STORE_WRITE_FAILED', action, path: file };
}
