import { describe, expect, it } from 'vitest';
import { selectMissing } from '../../../../src/model/snapshot/select-missing.ts';

/** From the bottom up; a capital letter is hidden. */
const chain = (letters: string) => [...letters].map((id) => ({ id, isDeleted: id !== id.toLowerCase() }));

describe('what is missing of a chain', () => {
  const table: readonly (readonly [chain: string, known: string, missing: string])[] = [
    ['abc', '', 'abc'],
    ['abc', 'a', 'bc'],
    ['abc', 'abc', ''],
    // one in the middle is there, without what it once stood on
    ['abc', 'b', 'ac'],
    ['aBc', '', 'aBc'],
    ['ABc', '', 'ABc'],
    // hidden, and nothing that comes stands on it
    ['ABc', 'c', ''],
    ['aBc', 'c', 'a'],
    ['ABcd', 'c', 'd'],
  ];

  it.each(table)('of %s, with %s there already, is %s', (whole, known, missing) => {
    const selected = selectMissing(chain(whole), new Set(known));
    expect(selected.map(({ id }) => id).join('')).toBe(missing);
  });
});
