import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Turns } from '../../../src/lib/turns.ts';

test('who asks alone does not wait for a turn of the event loop', async () => {
  const turns = new Turns();
  let isOver = false;
  setImmediate(() => {
    isOver = true;
  });

  await turns.take();

  expect(isOver).toBe(false);
});

test('many at once get a turn of the event loop each, in the order in which they asked', async () => {
  const turns = new Turns();
  const seen: string[] = [];
  const work = async (name: string): Promise<void> => {
    await turns.take();
    seen.push(name);
  };
  const all = Promise.all(['first', 'second', 'third'].map(work));

  for (const turn of ['turn 1', 'turn 2', 'turn 3']) {
    await nextTurn();
    seen.push(turn);
  }
  await all;

  expect(seen).toEqual(['first', 'second', 'turn 1', 'third', 'turn 2', 'turn 3']);
});

test('a turn is free again when the event loop has gone on', async () => {
  const turns = new Turns();
  await Promise.all([turns.take(), turns.take()]);
  await nextTurn();
  await nextTurn();
  let isTaken = false;

  void turns.take().then(() => {
    isTaken = true;
  });
  await Promise.resolve();

  expect(isTaken).toBe(true);
});
