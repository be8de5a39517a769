import { createHash, randomBytes } from 'node:crypto';
import { link, lstat, open, rm } from 'node:fs/promises';
import path from 'node:path';
import {
  type Claim,
  type ClaimSubject,
  MAX_CLAIM_BYTES,
  parseClaim,
  serialiseClaim,
  unknownClaim,
} from '../documents/claim.ts';
import { isUnfitFile, readSmallFile } from '../files/durable-files.ts';
import { SECRET_FILE_MODE } from '../files/file-modes.ts';
import { errnoOf } from '../files/store-errors.ts';

/** Where the claims of one subject are. */
export interface ClaimPlace<Subject extends ClaimSubject> {
  /** Name that a claim has while it is held. */
  readonly target: string;
  readonly subject: Subject;
}

export interface ClaimFile<Subject extends ClaimSubject> {
  readonly path: string;
  readonly claim: Claim<Subject>;
  /** Stands for this content: claims differ by a random word, so no two have the same. */
  readonly key: string;
}

export interface NewClaimFile<Subject extends ClaimSubject> extends ClaimFile<Subject> {
  /** Gives it that name too; false when the name is taken. The name leads to the whole claim, or to nothing. */
  linkTo(target: string): Promise<boolean>;
}

/** null when nothing is there. What is no claim is held by `unknown`; where nothing can be read, Node's error. */
export async function readClaimFile<Subject extends ClaimSubject>(
  file: string,
  subject: Subject,
): Promise<ClaimFile<Subject> | null> {
  try {
    const content = await readSmallFile(file, MAX_CLAIM_BYTES);
    return { path: file, claim: parseClaim(content, subject), key: digest(content) };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    if (!isUnfitFile(error)) throw error;
    return await identifyForeignFile(file, subject);
  }
}

/** Writes a claim under a temporary name, synced, which is gone when the work has ended. */
export async function withNewClaimFile<Subject extends ClaimSubject, Result>(
  { target, subject }: ClaimPlace<Subject>,
  claim: Claim<Subject>,
  work: (file: NewClaimFile<Subject>) => Promise<Result>,
): Promise<Result> {
  const content = serialiseClaim(claim);
  const temporary = path.join(
    path.dirname(target),
    `.${path.basename(target)}.${randomBytes(6).toString('hex')}.partial`,
  );
  const key = digest(content);
  try {
    await writeSynced(temporary, content);
    const linkTo = (name: string) => linkExclusively(temporary, name, { ...subject, key });
    return await work({ path: temporary, claim, key, linkTo });
  } finally {
    // A clean-up that fails must not hide why it was needed.
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}

/**
 * link(2). True also when the name leads to that content already: a file server that repeats a lost answer says EEXIST of
 * the link that it has just made (https://man7.org/linux/man-pages/man2/open.2.html, O_EXCL).
 */
export async function linkExclusively(
  from: string,
  to: string,
  expected: ClaimSubject & { readonly key: string },
): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((await readClaimFile(to, expected))?.key === expected.key) return true;
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

async function writeSynced(file: string, content: string): Promise<void> {
  const handle = await open(file, 'wx', SECRET_FILE_MODE);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function identifyForeignFile<Subject extends ClaimSubject>(
  file: string,
  subject: Subject,
): Promise<ClaimFile<Subject>> {
  const { ino, mtimeMs } = await lstat(file);
  return { path: file, claim: unknownClaim(subject), key: digest(`${ino} ${mtimeMs}`) };
}

function digest(content: string): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 32);
}
