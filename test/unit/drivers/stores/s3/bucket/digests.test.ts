import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { md5Of, multipartEtag } from '../../../../../../src/drivers/stores/s3/bucket/digests.ts';

describe('digests', () => {
  it.each([0, 1, 1024 ** 2, 1024 ** 2 + 1, 3 * 1024 ** 2])('are those of all %i bytes', async (bytes) => {
    const content = Buffer.alloc(bytes, 'abc');
    expect(await md5Of(content)).toBe(createHash('md5').update(content).digest('hex'));
  });

  it('are put together as S3 does for an object of several parts', () => {
    // two parts of 5 MiB of zeros
    const part = '"5f363e0e58a95f06cbe9bbc662c5dfb6"';
    expect(multipartEtag([part, part])).toBe('a7d414b9133d6483d9a1c4e04e856e3b-2');
  });
});
