import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Turns } from '../../../src/lib/turns.ts';

/** More than three who ask at once need. */
const LOOPS = 50;

test('who asks alone does not wait for a turn of the event loop', async () => {
  const turns = new Turns();
  let isOver = false;
  setImmediate(() => {
    isOver = true;
  });

  await turns.take();

  expect(isOver).toBe(false);
});

test('many at once are served in the order in which they asked, with turns of the event loop for others in between', async () => {
  const turns = new Turns();
  const seen: string[] = [];
  const work = async (name: string): Promise<void> => {
    await turns.take();
    seen.push(name);
  };
  const all = Promise.all(['first', 'second', 'third'].map(work));

  for (let loop = 0; loop < LOOPS; loop++) {
    await nextTurn();
    seen.push('others');
  }
  await all;

  expect(seen.filter((name) => name !== 'others')).toEqual(['first', 'second', 'third']);
  expect(seen.indexOf('second') - seen.indexOf('first')).toBeGreaterThan(4);
  expect(seen.indexOf('third') - seen.indexOf('second')).toBeGreaterThan(4);
});

test('a turn is free again when the event loop has gone on', async () => {
  const turns = new Turns();
  await Promise.all([turns.take(), turns.take()]);
  for (let loop = 0; loop < LOOPS; loop++) await nextTurn();
  let isTaken = false;

  void turns.take().then(() => {
    isTaken = true;
  });
  await Promise.resolve();

  expect(isTaken).toBe(true);
});
