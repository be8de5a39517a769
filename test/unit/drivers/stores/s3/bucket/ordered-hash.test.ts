import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { OrderedHash } from '../../../../../../src/drivers/stores/s3/bucket/ordered-hash.ts';
import { planParts } from '../../../../../../src/drivers/stores/s3/bucket/part-plan.ts';

const { signal } = new AbortController();

describe('a hash of parts and their whole', () => {
  it.each([0, 1, 1024 ** 2, 2_500_000, 5 * 1024 ** 2 + 1])(
    'is that of %i bytes in whatever order parts come',
    async (bytes) => {
      const content = randomBytes(bytes);
      const parts = planParts(bytes, 1_200_000);
      const pieces = parts.map(({ offsetBytes, lengthBytes }) =>
        content.subarray(offsetBytes, offsetBytes + lengthBytes),
      );
      const hash = new OrderedHash();

      const backwards = [...parts].reverse().map((part) => hash.take(part, pieces[part.number - 1] ?? content, signal));

      expect((await Promise.all(backwards)).reverse()).toEqual(pieces.map(sha256));
      expect([hash.digest(), hash.digest()]).toEqual([sha256(content), sha256(content)]);
    },
  );

  it('lets go of who waits for a part that never comes', async () => {
    const hash = new OrderedHash();
    const [, second] = planParts(2, 1);
    if (second === undefined) throw new Error('there is no second part');
    const failed = new AbortController();
    const waiting = hash.take(second, Buffer.from('b'), failed.signal);
    failed.abort(new Error('the first failed'));

    await expect(waiting).rejects.toThrow('the first failed');
    await expect(hash.take(second, Buffer.from('b'), failed.signal)).rejects.toThrow('the first failed');
  });
});

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
