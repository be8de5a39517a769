import path from 'node:path';
import type { ShelfClaim } from '../../../model/shelved-instance.ts';
import { type ClaimFile, readClaimFile } from './claim-files.ts';
import { claimPath } from './layout.ts';

const MAX_STEPS = 32;
const MAX_ATTEMPTS = 16;

export interface ClaimHolder {
  readonly claim: ShelfClaim;
  readonly key: string;
  /** That holds the claim's content. */
  readonly file: string;
  /** Whoever creates this name, and nobody else, may end the claim: replace `<uuid>.claim`, or remove it. */
  readonly endPath: string;
  /** Its own holder has begun to give it up. */
  readonly isEnding: boolean;
  /** Names that only lead from an ended claim to this one. */
  readonly trail: readonly string[];
}

/**
 * Who holds an instance: the claim in `<uuid>.claim`, or, where that one was being taken over when somebody died, the one
 * that took it over. A claim K is taken over or given up by creating `.<uuid>.claim.<K>.end` as a link to the next claim,
 * or to K itself: creation is exclusive, and no other claim ever has that name. So of many who try one succeeds, and
 * `<uuid>.claim` is there all the time.
 */
export async function readHolder(root: string, instanceId: string): Promise<ClaimHolder | null> {
  const target = claimPath(root, instanceId);
  for (let attempt = 0; ; attempt += 1) {
    const head = await readClaimFile(target, instanceId);
    if (head === null) return null;
    const holder = await follow(target, head);
    // Read in pieces: it holds for one moment only if the beginning is still the same at the end.
    if ((await readClaimFile(target, instanceId))?.key === head.key || attempt >= MAX_ATTEMPTS) return holder;
  }
}

async function follow(target: string, head: ClaimFile): Promise<ClaimHolder> {
  let at = head;
  let isEnding = false;
  const trail: string[] = [];
  for (let step = 0; ; step += 1) {
    const endPath = endPathOf(target, { key: at.key, isEnding });
    const next = await readClaimFile(endPath, head.claim.instanceId);
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
