import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { mapConcurrently, withDeadline } from '../../../src/lib/async.ts';

describe('mapConcurrently', () => {
  it('keeps the order and never runs more than the limit', async () => {
    let running = 0;
    let most = 0;
    const results = await mapConcurrently([30, 5, 20, 1, 10], 2, async (ms, index) => {
      running += 1;
      most = Math.max(most, running);
      await sleep(ms);
      running -= 1;
      return `${index}:${ms}`;
    });
    expect(results).toEqual(['0:30', '1:5', '2:20', '3:1', '4:10']);
    expect(most).toBe(2);
  });

  it('throws the first failure after what runs has ended, and starts nothing more', async () => {
    const events: string[] = [];
    const work = mapConcurrently(['slow', 'bad', 'later'], 2, async (name) => {
      events.push(`start ${name}`);
      if (name === 'bad') throw new Error('bad failed');
      await sleep(20);
      events.push(`end ${name}`);
      throw new Error('slow failed');
    });
    await expect(work).rejects.toThrow('bad failed');
    expect(events).toEqual(['start slow', 'start bad', 'end slow']);
  });

  it('refuses a limit below one', async () => {
    await expect(mapConcurrently([1], 0, async () => 1)).rejects.toThrow(RangeError);
  });

  it('gives nothing for nothing', async () => {
    expect(await mapConcurrently([], 4, async () => 1)).toEqual([]);
  });
});

describe('withDeadline', () => {
  it('throws the error of the caller when the time is up', async () => {
    await expect(withDeadline(sleep(200), 5, () => new Error('too slow'))).rejects.toThrow('too slow');
  });

  it('passes results and failures through and leaves no timer', async () => {
    vi.useFakeTimers();
    try {
      expect(await withDeadline(Promise.resolve(1), 1000, () => new Error('too slow'))).toBe(1);
      await expect(withDeadline(Promise.reject(new Error('own')), 1000, () => new Error('x'))).rejects.toThrow('own');
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});
