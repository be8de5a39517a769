import { describe, expect, it } from 'vitest';
import { choosePartBytes, MOST_PARTS, planParts } from '../../../../../../src/drivers/stores/s3/bucket/part-plan.ts';

const MIB = 1024 ** 2;
const TIB = 1024 ** 4;

describe('the parts of a file', () => {
  it.each([
    ['as wanted', 100 * MIB, 16 * MIB, 16 * MIB],
    ['not below what S3 takes', 100 * MIB, MIB, 5 * MIB],
    ['as wanted for as many as there may be', 16 * MIB * MOST_PARTS, 16 * MIB, 16 * MIB],
    ['longer where there would be one too many', 16 * MIB * MOST_PARTS + 1, 16 * MIB, 17 * MIB],
    ['much longer for a very long file', 5 * TIB, 16 * MIB, 525 * MIB],
  ])('are %s', (_what, sizeBytes, wantedBytes, partBytes) => {
    expect(choosePartBytes(sizeBytes, wantedBytes)).toBe(partBytes);
    expect(planParts(sizeBytes, partBytes).length).toBeLessThanOrEqual(MOST_PARTS);
  });

  it.each([0, 1, 9, 10, 11, 99, 100, 101])('are all %i bytes of it, in order and without gaps', (sizeBytes) => {
    const parts = planParts(sizeBytes, 10);
    expect(parts.map(({ number }) => number)).toEqual(parts.map((_part, index) => index + 1));
    let end = 0;
    for (const part of parts) {
      expect(part.offsetBytes).toBe(end);
      end += part.lengthBytes;
    }
    expect(end).toBe(sizeBytes);
    expect(parts.slice(0, -1).every(({ lengthBytes }) => lengthBytes === 10)).toBe(true);
  });
});
