import { expect, it } from 'vitest';
import { parseExpiry } from '../../../../src/cli/snapshot/parse-expiry.ts';

const NOW = new Date('2026-11-21T12:00:00.000Z');

it.each([
  ['7d', '2026-11-28T12:00:00.000Z'],
  ['90s', '2026-11-21T12:01:30.000Z'],
  ['1h30m', '2026-11-21T13:30:00.000Z'],
  ['2030-01-31T12:00:00Z', '2030-01-31T12:00:00.000Z'],
  ['2030-01-31T12:00:00.5+02:00', '2030-01-31T10:00:00.500Z'],
])('%s is %s', (text, expected) => {
  expect(parseExpiry(text, NOW)).toBe(expected);
});

it.each(['', '0', '7', '-1d', '0s', '7w', '999999999d', '2030-01-31', '2030-01-31T12:00:00', '2030-13-31T12:00:00Z'])(
  '%j is refused, whatever is wrong with it',
  (text) => {
    expect(() => parseExpiry(text, NOW)).toThrow('neither a duration such as 7d');
  },
);
