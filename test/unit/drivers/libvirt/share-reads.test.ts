import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { shareReads } from '../../../../src/drivers/libvirt/share-reads.ts';

interface Reading {
  readonly asked: readonly string[];
  end(answer: string): void;
  fail(error: Error): void;
}

/** Readings that end when the test says so. */
function createReader() {
  const readings: Reading[] = [];
  const ask = shareReads<string, string>(
    (asked) =>
      new Promise((resolve, reject) => {
        readings.push({ asked, end: resolve, fail: reject });
      }),
  );
  return { readings, ask };
}

describe('shareReads', () => {
  test('asks at once for what was asked in one go', async () => {
    const { readings, ask } = createReader();
    const answers = Promise.all([ask('a'), ask('b'), ask('c')]);
    await nextTurn();
    expect(readings.map(({ asked }) => asked)).toEqual([['a', 'b', 'c']]);
    readings[0]?.end('abc');

    expect(await answers).toEqual(['abc', 'abc', 'abc']);
  });

  test('never answers with a reading that had begun before it was asked', async () => {
    const { readings, ask } = createReader();
    const early = ask('early');
    await nextTurn();
    const late = [ask('late'), ask('later')];
    await nextTurn();
    expect(readings).toHaveLength(1);
    readings[0]?.end('old');
    expect(await early).toBe('old');
    await nextTurn();
    expect(readings[1]?.asked).toEqual(['late', 'later']);
    readings[1]?.end('new');

    expect(await Promise.all(late)).toEqual(['new', 'new']);
  });

  test('reads on after a reading has failed', async () => {
    const { readings, ask } = createReader();
    const first = ask('first');
    await nextTurn();
    const second = ask('second');
    readings[0]?.fail(new Error('gone'));
    await expect(first).rejects.toThrow('gone');
    await nextTurn();
    readings[1]?.end('back');

    expect(await second).toBe('back');
  });

  test('does not wait for a reading that is stuck', async () => {
    const { readings, ask } = createReader();
    void ask('stuck');
    await nextTurn();
    const next = ask('next');
    await expect.poll(() => readings.length, { timeout: 5_000 }).toBe(2);
    readings[1]?.end('answered');

    expect(await next).toBe('answered');
  });
});
