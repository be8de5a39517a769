import path from 'node:path';
import type { Claim, ClaimSubject } from '../documents/claim.ts';
import { type ClaimFile, type ClaimPlace, readClaimFile } from './claim-files.ts';

const MAX_STEPS = 32;
const MAX_ATTEMPTS = 16;

export interface ClaimHolder<Subject extends ClaimSubject> {
  readonly claim: Claim<Subject>;
  readonly key: string;
  /** That holds the claim's content. */
  readonly file: string;
  /** Whoever creates this name, and nobody else, may end the claim: replace the name that is held, or remove it. */
  readonly endPath: string;
  /** Its own holder has begun to give it up. */
  readonly isEnding: boolean;
  /** Names that only lead from an ended claim to this one. */
  readonly trail: readonly string[];
}

/**
 * Who holds the subject: the claim in NAME, or, where that one was being taken over when somebody died, the one that took it
 * over. A claim K is taken over or given up by creating `.NAME.<K>.end` as a link to the next claim, or to K itself: creation is
 * exclusive, and no other claim ever has that name. So of many who try one succeeds, and NAME is there all the time.
 */
export async function readClaimHolder<Subject extends ClaimSubject>({
  target,
  subject,
}: ClaimPlace<Subject>): Promise<ClaimHolder<Subject> | null> {
  for (let attempt = 0; ; attempt += 1) {
    const head = await readClaimFile(target, subject);
    if (head === null) return null;
    const holder = await follow({ target, subject }, head);
    // Read in pieces: it holds for one moment only if the beginning is still the same at the end.
    if ((await readClaimFile(target, subject))?.key === head.key || attempt >= MAX_ATTEMPTS) return holder;
  }
}

async function follow<Subject extends ClaimSubject>(
  { target, subject }: ClaimPlace<Subject>,
  head: ClaimFile<Subject>,
): Promise<ClaimHolder<Subject>> {
  let at = head;
  let isEnding = false;
  const trail: string[] = [];
  for (let step = 0; ; step += 1) {
    const endPath = endPathOf(target, { key: at.key, isEnding });
    const next = await readClaimFile(endPath, subject);
    if (next === null || step >= MAX_STEPS) {
      return { claim: at.claim, key: at.key, file: at.path, endPath, isEnding, trail };
    }
    trail.push(endPath);
    isEnding = next.key === at.key;
    at = next;
  }
}

/** A claim that its holder has begun to give up can still be taken over, should its holder have died just then. */
function endPathOf(target: string, claim: { readonly key: string; readonly isEnding: boolean }): string {
  const suffix = claim.isEnding ? 'end2' : 'end';
  return path.join(path.dirname(target), `.${path.basename(target)}.${claim.key}.${suffix}`);
}
