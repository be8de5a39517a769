import { expect, it } from 'vitest';
import { parseProgress } from '../../../../src/drivers/qemu-img/convert.ts';

it.each([
  ['    (0.00/100%)', 0],
  ['    (12.34/100%)', 0.1234],
  ['    (100.00/100%)', 1],
  ['Image resized.', null],
  ['(x/100%)', null],
])('reads %j as %s', (line, expected) => {
  expect(parseProgress(line)).toBe(expected);
});
