import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { SnapshotStore } from '../../src/model/ports/snapshot-store.ts';
import { expectFailure } from '../support/expect-failure.ts';
import { makeVolumeClaim } from '../support/snapshot-files.ts';

/** How the claims of every store of snapshots behave. */
export function describeVolumeClaims(
  subject: () => { readonly store: SnapshotStore; readonly other: SnapshotStore },
): void {
  describe('a claim of a volume', () => {
    let store: SnapshotStore;
    let other: SnapshotStore;
    let volume: string;
    const seenBy = (host: number): SnapshotStore => (host % 2 === 0 ? store : other);

    beforeEach(() => {
      ({ store, other } = subject());
      volume = randomUUID();
    });

    it('is held by one, and others are told by whom', async () => {
      const claim = makeVolumeClaim(volume);
      expect(await store.readClaim(volume)).toBeNull();
      expect(await store.claim(claim)).toBeNull();
      expect(await other.claim(makeVolumeClaim(volume, 'host-2'))).toEqual(claim);
      expect(await other.readClaim(volume)).toEqual(claim);
      expect(await other.claim(makeVolumeClaim(randomUUID()))).toBeNull();
    });

    it('may be made again by the operation that holds it: its answer may have been lost', async () => {
      const claim = makeVolumeClaim(volume);
      await store.claim(claim);
      expect(await store.claim({ ...claim, since: 'later' })).toBeNull();
      expect(await store.readClaim(volume)).toEqual(claim);
    });

    it('goes to exactly one of many who want it at once', async () => {
      const claims = Array.from({ length: 20 }, (_, index) => makeVolumeClaim(volume, `host-${index}`));
      const answers = await Promise.all(claims.map((claim, at) => seenBy(at).claim(claim)));
      const winners = claims.filter((_, at) => answers[at] === null);
      expect(winners).toHaveLength(1);
      expect(await store.readClaim(volume)).toEqual(winners[0]);
    });

    it('is free after it was given up, but not by somebody else', async () => {
      const claim = makeVolumeClaim(volume);
      await store.releaseClaim(volume, claim.operationId);
      await store.claim(claim);
      await other.releaseClaim(volume, randomUUID());
      expect(await store.readClaim(volume)).toEqual(claim);
      await store.releaseClaim(volume, claim.operationId);
      await store.releaseClaim(volume, claim.operationId);
      expect(await store.readClaim(volume)).toBeNull();
      expect(await other.claim(makeVolumeClaim(volume))).toBeNull();
    });

    it('is taken over from who holds it, who has lost it then, and from nobody else', async () => {
      const [dead, thief] = [makeVolumeClaim(volume, 'host-1'), makeVolumeClaim(volume, 'host-2')];
      expect(await other.stealClaim(thief, dead)).toBe(false);
      await store.claim(dead);
      expect(await other.stealClaim(thief, { ...dead, host: 'host-9' })).toBe(false);
      expect(await other.stealClaim(thief, dead)).toBe(true);
      expect(await other.stealClaim(thief, dead)).toBe(true);
      expect(await store.claim(dead)).toEqual(thief);
      await store.releaseClaim(volume, dead.operationId);
      expect(await store.readClaim(volume)).toEqual(thief);
    });

    it('is taken over by exactly one of many', async () => {
      const dead = makeVolumeClaim(volume);
      await store.claim(dead);
      const thieves = Array.from({ length: 10 }, (_, at) => makeVolumeClaim(volume, `thief-${at}`));
      const answers = await Promise.all(thieves.map((thief, at) => seenBy(at).stealClaim(thief, dead)));
      const winners = thieves.filter((_, at) => answers[at]);
      expect(winners).toHaveLength(1);
      expect(await store.readClaim(volume)).toEqual(winners[0]);
    });

    it('makes no snapshot', async () => {
      await store.claim(makeVolumeClaim(volume));
      expect(await store.list({ volume })).toEqual({ snapshots: [], broken: [] });
      expect(await store.list()).toEqual({ snapshots: [], broken: [] });
    });

    it.each(['', '..', '../x', 'A'.repeat(36)])('is of a volume whose id is a UUID: %j', async (odd) => {
      await expectFailure(store.claim(makeVolumeClaim(odd)), 'INVALID_REQUEST');
      await expectFailure(store.readClaim(odd), 'INVALID_REQUEST');
      await expectFailure(store.releaseClaim(odd, 'x'), 'INVALID_REQUEST');
      await expectFailure(store.stealClaim(makeVolumeClaim(odd), makeVolumeClaim(odd)), 'INVALID_REQUEST');
    });
  });
}
