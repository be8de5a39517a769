import { expect, it } from 'vitest';
import { toStateError } from '../../../../src/drivers/state/state-errors.ts';

it.each([
  [11, 'STORE_UNUSABLE', 'move /s/state.db and the files /s/state.db-wal'],
  [26, 'STORE_UNUSABLE', 'losing them loses no image'],
  [13, 'NO_SPACE', 'No space left'],
  [5, 'STORE_UNUSABLE', 'held by another process'],
  [8, 'STORE_UNUSABLE', 'must be writable'],
  [14, 'STORE_UNUSABLE', 'must be writable'],
  [266, 'STORE_UNUSABLE', 'on a local disk'],
  [19, 'INTERNAL', 'constraint'],
])('tells what SQLite code %i means and what to do', (errcode, code, text) => {
  const error = toStateError(Object.assign(new Error('constraint'), { errcode }), '/s/state.db');
  expect(error.code).toBe(code);
  expect(error.message).toContain('/s/state.db');
  expect(error.message).toContain(text);
});

it('takes anything else for a fault of ours', () => {
  expect(toStateError(new TypeError('oops'), '/s/state.db').code).toBe('INTERNAL');
});
