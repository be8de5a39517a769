import { describe, expect, it } from 'vitest';
import { headTimeAfter } from '../../../../src/model/snapshot/head-time.ts';

const NOW = new Date('2026-11-01T12:00:00.000Z');

describe('when a volume holds a snapshot again', () => {
  it.each([
    ['is now', ['2026-11-01T11:00:00.000Z'], '2026-11-01T12:00:00.000Z'],
    ['is now where there is no other', [], '2026-11-01T12:00:00.000Z'],
    ['is later than another of the same moment', ['2026-11-01T12:00:00.000Z'], '2026-11-01T12:00:00.001Z'],
    ['is later than all others where a clock went back', ['2026-11-02T00:00:00.000Z'], '2026-11-02T00:00:00.001Z'],
  ])('%s', (_what, heads, expected) => {
    const snapshots = heads.map((headAt) => ({ headAt }));
    expect(headTimeAfter(snapshots, NOW)).toBe(expected);
  });
});
