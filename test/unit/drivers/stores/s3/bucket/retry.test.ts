import { describe, expect, it } from 'vitest';
import { pauseAfter, retry } from '../../../../../../src/drivers/stores/s3/bucket/retry.ts';
import { expectFailure } from '../../../../../support/expect-failure.ts';
import { createManualClock } from '../../../../../support/manual-clock.ts';

const refused = (): Error => Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });

describe('repeating a request', () => {
  it.each([
    [0, 0, 50],
    [0, 1, 100],
    [3, 0, 400],
    [3, 1, 800],
    [7, 1, 8_000],
    [500, 0, 4_000],
    [500, 1, 8_000],
  ])('pauses after %i failures with chance %i for %i ms', (failed, chance, pauseMs) => {
    expect(pauseAfter(failed, chance)).toBe(pauseMs);
  });

  it('goes on until it succeeds, and says how many failed before', async () => {
    const clock = createManualClock();
    const seen: number[] = [];
    const result = retry(
      async (failedBefore) => {
        seen.push(failedBefore);
        if (failedBefore < 3) throw refused();
        return 'done';
      },
      { forMs: 10_000, clock, random: () => 1 },
    );
    await clock.advance(99);
    expect(seen).toEqual([0]);
    await clock.advance(1);
    expect(seen).toEqual([0, 1]);
    await clock.advance(600);
    expect(seen).toEqual([0, 1, 2, 3]);
    expect(await result).toBe('done');
  });

  it('ends with the last error when the time is over, not after it', async () => {
    const clock = createManualClock();
    const attempts: number[] = [];
    const result = retry(
      async () => {
        attempts.push(clock.monotonicMs());
        throw refused();
      },
      { forMs: 5_000, clock, random: () => 1 },
    );
    const outcome = expect(result).rejects.toThrow('connect');
    await clock.advance(60_000);
    await outcome;
    expect(attempts).toEqual([0, 100, 300, 700, 1500, 3100]);
  });

  it('tells of what failed, how long that lasts until the next attempt, and how long it goes on', async () => {
    const clock = createManualClock();
    const told: unknown[] = [];
    const result = retry(() => Promise.reject(refused()), {
      forMs: 1_000,
      clock,
      random: () => 1,
      onFailure: ({ lastsMs, leftMs }) => told.push([lastsMs, leftMs]),
    });
    const outcome = expect(result).rejects.toThrow('connect');
    await clock.advance(60_000);
    await outcome;
    expect(told).toEqual([
      [100, 1000],
      [300, 900],
      [700, 700],
    ]);
  });

  it('counts the time from the first failure on, not from the beginning', async () => {
    const clock = createManualClock();
    let attempts = 0;
    const result = retry(
      async () => {
        attempts += 1;
        if (attempts === 1) await clock.sleep(3_600_000);
        if (attempts < 3) throw refused();
        return attempts;
      },
      { forMs: 1_000, clock },
    );
    await clock.advance(3_700_000);
    expect(await result).toBe(3);
  });

  it('begins anew where something was achieved meanwhile', async () => {
    const clock = createManualClock();
    let bytes = 0;
    const result = retry(
      async () => {
        bytes += 1;
        if (bytes < 100) throw refused();
        return bytes;
      },
      { forMs: 200, clock, progress: () => bytes },
    );
    await clock.advance(60_000);
    expect(await result).toBe(100);
  });

  it('tries once where nothing may be repeated', async () => {
    let attempts = 0;
    const work = retry(
      async () => {
        attempts += 1;
        throw refused();
      },
      { forMs: 0 },
    );
    await expect(work).rejects.toThrow('connect');
    expect(attempts).toBe(1);
  });

  it('does not repeat what will not change', async () => {
    let attempts = 0;
    const work = retry(
      async () => {
        attempts += 1;
        throw Object.assign(new Error('no'), { name: 'AccessDenied' });
      },
      { forMs: 60_000 },
    );
    await expect(work).rejects.toThrow('no');
    expect(attempts).toBe(1);
  });

  it('ends at once when it is cancelled in a pause', async () => {
    const clock = createManualClock();
    const cancel = new AbortController();
    const work = retry(() => Promise.reject(refused()), { forMs: 60_000, clock, signal: cancel.signal });
    const outcome = expectFailure(work, 'CANCELLED');
    await clock.advance(1_000);
    cancel.abort();
    await outcome;
    expect(clock.sleepers).toBe(0);
  });

  it('says cancelled, whatever the request said when it was ended', async () => {
    const cancel = new AbortController();
    const work = retry(
      async () => {
        cancel.abort();
        throw refused();
      },
      { forMs: 60_000, signal: cancel.signal },
    );
    await expectFailure(work, 'CANCELLED');
  });
});
