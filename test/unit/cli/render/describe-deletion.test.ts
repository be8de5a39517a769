import { expect, it } from 'vitest';
import { describeDeletion } from '../../../../src/cli/render/snapshot.ts';

const deletion = { id: 'a', freedBytes: 1024, rewritten: [], isKeptHidden: false };

it.each([
  [false, 'snapshot a: deleting it would free 1.0 KiB'],
  [true, 'snapshot a: deleting it would free about 1.0 KiB'],
])('says of a figure whether it is an estimate: %s', (isEstimate, text) => {
  expect(describeDeletion({ ...deletion, isEstimate })).toBe(text);
});
