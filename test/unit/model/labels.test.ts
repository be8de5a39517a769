import { describe, expect, it } from 'vitest';
import { hasLabels, judgeLabel, MAX_LABELS, mergeLabels } from '../../../src/model/labels.ts';

const full = Object.fromEntries(Array.from({ length: MAX_LABELS }, (_, index) => [`k${index}`, 'v']));

describe('labels', () => {
  it.each([
    ['env', 'prod'],
    ['example.org/team_a-b', '1.2-rc/3'],
    ['0', '0'],
    ['k'.repeat(63), 'v'.repeat(63)],
    ['constructor', 'toString'],
  ])('may be %s=%s', (key, value) => {
    expect(judgeLabel(key, value)).toBeNull();
    expect(mergeLabels({}, { [key]: value })).toEqual({ [key]: value });
  });

  it.each([
    ['an empty key', '', 'v'],
    ['a key of 64 characters', 'k'.repeat(64), 'v'],
    ['a key that begins with a dot', '.env', 'v'],
    ['the key of all prototypes', '__proto__', 'v'],
    ['a key with a blank', 'a b', 'v'],
    ['a key with an equals sign', 'a=b', 'v'],
    ['a key with a comma', 'a,b', 'v'],
    ['a key of another script', 'ключ', 'v'],
    ['a key with a line break at its end', 'env\n', 'v'],
    ['a value of 64 characters', 'k', 'v'.repeat(64)],
    ['a value that begins with a slash', 'k', '/v'],
    ['a value with a quote', 'k', "v'"],
    ['a value with a line break at its end', 'k', 'v\n'],
  ])('cannot have %s', (_title, key, value) => {
    expect(judgeLabel(key, value)).not.toBeNull();
    const changes = Object.fromEntries([[key, value]]);
    expect(() => mergeLabels({}, changes)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }));
  });

  it('are merged by key, and one with an empty value goes', () => {
    expect(mergeLabels({ env: 'prod', team: 'shop' }, { team: '', tier: 'db', env: 'test' })).toEqual({
      env: 'test',
      tier: 'db',
    });
    expect(mergeLabels({}, { env: '' })).toEqual({});
  });

  it('come in one order, however they were set', () => {
    expect(Object.keys(mergeLabels({ b: '1', d: '1' }, { c: '1', a: '1' }))).toEqual(['a', 'b', 'c', 'd']);
  });

  it('are no more than there may be, which counts what goes', () => {
    expect(() => mergeLabels(full, { more: 'v' })).toThrow('at most 64 labels; these would be 65');
    expect(Object.keys(mergeLabels(full, { more: 'v', k0: '' }))).toHaveLength(MAX_LABELS);
    expect(Object.keys(mergeLabels(full, { k0: 'w' }))).toHaveLength(MAX_LABELS);
  });

  it.each<[Record<string, string>, boolean]>([
    [{}, true],
    [{ env: 'prod' }, true],
    [{ env: 'prod', tier: 'db' }, true],
    [{ env: 'test' }, false],
    [{ env: 'prod', team: 'shop' }, false],
    [{ toString: 'x' }, false],
  ])('that are wanted, %j, must all be there', (wanted, expected) => {
    expect(hasLabels({ env: 'prod', tier: 'db' }, wanted)).toBe(expected);
  });
});
