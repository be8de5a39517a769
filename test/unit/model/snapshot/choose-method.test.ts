import { expect, it } from 'vitest';
import { type BitmapState, chooseMethod } from '../../../../src/model/snapshot/choose-method.ts';
import type { SnapshotRecord } from '../../../../src/model/snapshot/snapshot.ts';
import { sampleSnapshot } from '../../../support/sample-snapshots.ts';

const WISH = { isFull: false, isEncrypted: false };

function choose(
  snapshots: readonly SnapshotRecord[],
  bitmaps: Readonly<Record<string, BitmapState>> = {},
  wish: Partial<typeof WISH> = {},
) {
  const history = { snapshots, volumeFormat: 'qcow2' as const, bitmaps: new Map(Object.entries(bitmaps)) };
  const choice = chooseMethod(history, { ...WISH, ...wish });
  const { method, reason } = choice;
  return { method, reason, parent: choice.method === 'full' ? null : choice.parent.id };
}

const FIRST = sampleSnapshot('a', { headAt: '2026-11-01T00:00:00.000Z', checkpoint: 'one' });
const SECOND = sampleSnapshot('b', { headAt: '2026-11-02T00:00:00.000Z', checkpoint: 'two', parent: FIRST.id });

it('makes a full of a volume that has none', () => {
  expect(choose([])).toEqual({ method: 'full', reason: null, parent: null });
});

it('takes the bitmap of the last', () => {
  expect(choose([FIRST, SECOND], { one: 'sound', two: 'sound' })).toMatchObject({
    method: 'bitmap',
    parent: SECOND.id,
  });
});

it('goes with an older bitmap on the snapshot of that bitmap, and never on a later one', () => {
  expect(choose([FIRST, SECOND], { one: 'sound', two: 'absent' })).toMatchObject({
    method: 'bitmap',
    parent: FIRST.id,
  });
});

it.each([
  ['broken', /not stopped cleanly/],
  ['absent', /no bitmap two any more/],
] as const)('compares with the last when all bitmaps are %s, and says so', (state, reason) => {
  expect(choose([FIRST, SECOND], { one: state, two: state })).toEqual({
    method: 'compare',
    parent: SECOND.id,
    reason: expect.stringMatching(reason),
  });
});

it('says that a raw disk holds no bitmap', () => {
  const history = { snapshots: [FIRST], volumeFormat: 'raw' as const, bitmaps: new Map() };
  expect(chooseMethod(history, WISH)).toMatchObject({ method: 'compare', reason: 'a raw disk holds no bitmap' });
});

it('stands on what was restored last', () => {
  const restored = { ...FIRST, headAt: '2026-11-03T00:00:00.000Z', checkpoint: 'three' };
  expect(choose([restored, SECOND], { two: 'absent', three: 'sound' })).toMatchObject({ parent: FIRST.id });
});

it('stands on none that is deleted, failed a verify, or lacks one below it', () => {
  const usable = { two: 'sound' } as const;
  expect(choose([FIRST, { ...SECOND, isDeleted: true }], usable)).toMatchObject({ parent: FIRST.id });
  expect(choose([FIRST, { ...SECOND, status: 'error' }], usable)).toMatchObject({ parent: FIRST.id });
  expect(choose([SECOND], usable)).toMatchObject({ method: 'full', reason: expect.stringContaining(SECOND.id) });
});

it('begins a new chain where the encryption changes', () => {
  expect(choose([FIRST], { one: 'sound' }, { isEncrypted: true })).toEqual({
    method: 'full',
    parent: null,
    reason: 'the snapshots before it are not encrypted, and a chain is so as a whole or not at all',
  });
});

it('makes a full where one is asked for', () => {
  expect(choose([FIRST], { one: 'sound' }, { isFull: true })).toMatchObject({
    method: 'full',
    reason: 'it was asked for',
  });
});
