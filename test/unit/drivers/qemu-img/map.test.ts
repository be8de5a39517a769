import { describe, expect, it } from 'vitest';
import { toExtents } from '../../../../src/drivers/qemu-img/map.ts';

const entry = (start: number, kind: 'data' | 'zero' | 'absent') => ({
  start,
  length: 10,
  present: kind !== 'absent',
  zero: kind !== 'data',
  data: kind === 'data',
});

describe('what a layer holds', () => {
  it.each([
    ['nothing', [entry(0, 'absent')], []],
    ['neighbours as one', [entry(0, 'data'), entry(10, 'data')], [{ start: 0, length: 20, isZero: false }]],
    [
      'zeroes apart from data',
      [entry(0, 'data'), entry(10, 'zero'), entry(20, 'zero')],
      [
        { start: 0, length: 10, isZero: false },
        { start: 10, length: 20, isZero: true },
      ],
    ],
    [
      'what lies apart as two',
      [entry(0, 'data'), entry(10, 'absent'), entry(20, 'data')],
      [
        { start: 0, length: 10, isZero: false },
        { start: 20, length: 10, isZero: false },
      ],
    ],
  ])('is %s', (_what, entries, extents) => {
    expect(toExtents(entries)).toEqual(extents);
  });
});
