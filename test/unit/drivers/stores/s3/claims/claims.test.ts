import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ClaimPlace } from '../../../../../../src/drivers/stores/s3/claims/claim-object.ts';
import {
  createClaim,
  readClaim,
  releaseClaim,
  stealClaim,
} from '../../../../../../src/drivers/stores/s3/claims/claims.ts';
import { DarkroomError } from '../../../../../../src/model/errors.ts';
import { expectFailure } from '../../../../../support/expect-failure.ts';
import { createFakeBucket, type FakeBucket } from '../../../../../support/fake-bucket.ts';
import { makeClaim } from '../../../../../support/sample-shelf.ts';

describe('claims in a bucket', () => {
  const id = '11111111-2222-4333-8444-555555555555';
  const key = `instances/${id}.claim`;
  const unknown = { instanceId: id, host: 'unknown', operationId: 'unknown', kind: 'unknown', since: 'unknown' };
  let bucket: FakeBucket;
  let place: ClaimPlace<{ readonly instanceId: string }>;
  const placeIn = (changed: Partial<FakeBucket>) => ({ ...place, bucket: { ...bucket, ...changed } });
  const content = () => JSON.parse(bucket.objects.get(key)?.content.toString() ?? 'null');

  beforeEach(() => {
    bucket = createFakeBucket();
    place = { bucket, key, subject: { instanceId: id } };
  });

  it('are never deleted: one that is given up becomes a document that says so', async () => {
    const claim = makeClaim(id);
    await createClaim(place, claim);
    await releaseClaim(place, claim.operationId);
    expect(content()).toEqual({ version: 1, released: true, nonce: expect.any(String) });
    expect(await readClaim(place)).toBeNull();
    expect(await createClaim(place, makeClaim(id))).toBeNull();
    expect(bucket.calls.filter((call) => call.startsWith('remove'))).toEqual([]);
  });

  it('differ each time, so that no etag comes back', async () => {
    const claim = makeClaim(id);
    const etags = new Set<string | undefined>();
    for (let round = 0; round < 3; round += 1) {
      await createClaim(place, claim);
      etags.add(bucket.objects.get(key)?.etag);
      await releaseClaim(place, claim.operationId);
      etags.add(bucket.objects.get(key)?.etag);
    }
    expect(etags.size).toBe(6);
  });

  describe('whose PUT was done although its repetition was refused', () => {
    /** Does it, and says that the condition was not met. */
    const deaf: Partial<FakeBucket> = {
      put: async (...request) => {
        await bucket.put(...request);
        return null;
      },
    };

    it('are made', async () => {
      const claim = makeClaim(id);
      expect(await createClaim(placeIn(deaf), claim)).toBeNull();
      expect(await readClaim(place)).toEqual(claim);
    });

    it('are given up', async () => {
      const claim = makeClaim(id);
      await createClaim(place, claim);
      await releaseClaim(placeIn(deaf), claim.operationId);
      expect(await readClaim(place)).toBeNull();
    });

    it('are taken over', async () => {
      const [dead, thief] = [makeClaim(id), makeClaim(id)];
      await createClaim(place, dead);
      expect(await stealClaim(placeIn(deaf), thief, dead)).toBe(true);
      expect(await readClaim(place)).toEqual(thief);
    });
  });

  describe('that somebody changes between the look and the PUT', () => {
    /** Lets somebody else be faster, once. */
    const overtakenBy = (work: () => Promise<unknown>): Partial<FakeBucket> => {
      let isFirst = true;
      return {
        put: async (...request) => {
          if (isFirst) await work();
          isFirst = false;
          return await bucket.put(...request);
        },
      };
    };

    it('go to who was faster', async () => {
      const [fast, slow] = [makeClaim(id, 'fast'), makeClaim(id, 'slow')];
      expect(await createClaim(placeIn(overtakenBy(() => createClaim(place, fast))), slow)).toEqual(fast);
      expect(await readClaim(place)).toEqual(fast);
    });

    it('are claimed over what the faster one gave up', async () => {
      const [fast, slow] = [makeClaim(id, 'fast'), makeClaim(id, 'slow')];
      const comeAndGo = async () => {
        await createClaim(place, fast);
        await releaseClaim(place, fast.operationId);
      };
      expect(await createClaim(placeIn(overtakenBy(comeAndGo)), slow)).toBeNull();
      expect(await readClaim(place)).toEqual(slow);
    });

    it('are not given up when they were taken over', async () => {
      const [dead, thief] = [makeClaim(id, 'dead'), makeClaim(id, 'thief')];
      await createClaim(place, dead);
      await releaseClaim(placeIn(overtakenBy(() => stealClaim(place, thief, dead))), dead.operationId);
      expect(await readClaim(place)).toEqual(thief);
    });

    it('are not taken over when they were given up, or by another', async () => {
      const [dead, thief, next] = [makeClaim(id, 'dead'), makeClaim(id, 'thief'), makeClaim(id, 'next')];
      await createClaim(place, dead);
      expect(await stealClaim(placeIn(overtakenBy(() => stealClaim(place, thief, dead))), next, dead)).toBe(false);
      expect(await readClaim(place)).toEqual(thief);
      const giveUp = overtakenBy(() => releaseClaim(place, thief.operationId));
      expect(await stealClaim(placeIn(giveUp), next, thief)).toBe(false);
      expect(await readClaim(place)).toBeNull();
    });
  });

  describe('that cannot be read', () => {
    const spoilt: [string, string][] = [
      ['empty', ''],
      ['no JSON', '{"host":'],
      ['no claim', '{"version":1}'],
      ['a list', '[]'],
      ['nothing', 'null'],
      ['given up, but not truly', '{"released":"yes"}'],
      ['another`s', JSON.stringify(makeClaim(randomUUID()))],
      ['too long', JSON.stringify({ ...makeClaim(id), more: 'x'.repeat(100_000) })],
    ];

    it.each(spoilt)('are held by unknown and can be taken over from there: %s', async (_, text) => {
      await bucket.put(key, text);
      expect(await readClaim(place)).toEqual(unknown);
      expect(await createClaim(place, makeClaim(id))).toEqual(unknown);
      const thief = makeClaim(id);
      expect(await stealClaim(place, thief, unknown)).toBe(true);
      expect(await readClaim(place)).toEqual(thief);
    });
  });

  it('are not taken for anybody`s where the store does not answer', async () => {
    const claim = makeClaim(id);
    await createClaim(place, claim);
    const failure = () => Promise.reject(new DarkroomError('STORE_UNUSABLE', 'no answer'));
    const silent = placeIn({ get: failure, head: failure });
    await expectFailure(readClaim(silent), 'STORE_UNUSABLE');
    await expectFailure(createClaim(silent, makeClaim(id)), 'STORE_UNUSABLE');
    await expectFailure(releaseClaim(silent, claim.operationId), 'STORE_UNUSABLE');
    await expectFailure(stealClaim(silent, makeClaim(id), claim), 'STORE_UNUSABLE');
    expect(await readClaim(place)).toEqual(claim);
  });

  it('stay as they are where nothing can be written', async () => {
    const claim = makeClaim(id);
    await createClaim(place, claim);
    const full = placeIn({ put: () => Promise.reject(new DarkroomError('NO_SPACE', 'full')) });
    await expectFailure(releaseClaim(full, claim.operationId), 'NO_SPACE');
    await expectFailure(stealClaim(full, makeClaim(id), claim), 'NO_SPACE');
    expect(await readClaim(place)).toEqual(claim);
  });

  it('do not spin for ever at a server that refuses without a reason', async () => {
    const claim = makeClaim(id);
    await createClaim(place, claim);
    const stubborn = placeIn({ put: async () => null });
    await expectFailure(releaseClaim(stubborn, claim.operationId), 'STORE_WRITE_FAILED');
    expect(await stealClaim(stubborn, makeClaim(id), claim)).toBe(false);
    bucket.objects.clear();
    expect(await createClaim(stubborn, claim)).toEqual(unknown);
  });
});
