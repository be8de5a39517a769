import { expect, it } from 'vitest';
import { parseSize } from '../../../src/config/parse-size.ts';

it.each([
  ['0', 0],
  ['4096', 4096],
  ['10GiB', 10737418240],
  ['10 gib', 10737418240],
  ['500MB', 500000000],
  ['1.5KiB', 1536],
  ['7B', 7],
  ['1TiB', 1099511627776],
  ['', null],
  ['GiB', null],
  ['-1', null],
  ['1.3B', null],
  ['10 GiB extra', null],
  ['10XiB', null],
  ['10constructor', null],
  ['99999999999TiB', null],
])('reads %j as %s', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});
