import { describe, expect, it } from 'vitest';
import { findOverlong } from '../../../../src/model/snapshot/find-overlong.ts';

const USER = { host: 'host-a', path: '/disk.qcow2', since: '2026-01-01T00:00:00.000Z' };

/** Each stands on the one before. */
function chain(ids: string, used = '') {
  return [...ids].map((id, index) => ({
    id,
    parent: ids[index - 1] ?? null,
    users: used.includes(id) ? [USER] : [],
  }));
}

describe('the snapshot that is made to stand alone', () => {
  it.each([
    { ids: 'abc', used: '', maxChain: 3, found: null },
    { ids: 'abcd', used: '', maxChain: 3, found: 'd' },
    { ids: 'abcdefg', used: '', maxChain: 3, found: 'd' },
    { ids: 'abcdefg', used: 'c', maxChain: 3, found: 'd' },
    { ids: 'abcdefg', used: 'd', maxChain: 3, found: null },
    { ids: 'abcdefg', used: 'g', maxChain: 3, found: null },
    { ids: 'ab', used: '', maxChain: 1, found: 'b' },
  ])('is the first above the longest chain that may be: $ids, used $used', ({ ids, used, maxChain, found }) => {
    expect(findOverlong(chain(ids, used), { maxChain })?.id ?? null).toBe(found);
  });

  it('is none that was tried, nor one of a chain that comes back to itself', () => {
    expect(findOverlong(chain('abcd'), { maxChain: 3, except: new Set(['d']) })).toBeNull();
    const ring = chain('abcd').map((each) => (each.id === 'a' ? { ...each, parent: 'd' } : each));
    expect(findOverlong(ring, { maxChain: 3 })).toBeNull();
  });
});
