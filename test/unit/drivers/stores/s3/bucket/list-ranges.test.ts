import { describe, expect, it } from 'vitest';
import { planRanges } from '../../../../../../src/drivers/stores/s3/bucket/list-ranges.ts';

const KEYS = [
  '',
  '!',
  '0',
  '00',
  '05',
  '9',
  '9z',
  '9~',
  ':',
  'A',
  'Z',
  '`',
  'a',
  'b7',
  'f',
  'f~',
  'g',
  'zz',
  '~',
  'ä',
  '😀',
];

/** How servers sort. */
const isBefore = (a: string, b: string): boolean => Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;

describe('the ranges of a long listing', () => {
  it.each(KEYS)('cover every key after the first page once when that ended with %j', (last) => {
    const ranges = planRanges('images/', `images/${last}`);
    for (const key of KEYS.map((rest) => `images/${rest}`)) {
      const holding = ranges.filter(
        ({ prefix, after, before }) =>
          key.startsWith(prefix) &&
          (after === undefined || isBefore(after, key)) &&
          (before === undefined || isBefore(key, before)),
      );
      expect(holding, key).toHaveLength(isBefore(`images/${last}`, key) ? 1 : 0);
    }
  });
});
