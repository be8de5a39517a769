import { describe, expect, it } from 'vitest';
import { isBootTurn, planRetry, planWait } from '../../../../src/model/backup/retry.ts';

const now = new Date('2026-05-01T10:00:00.000Z');
const minutes = (count: number): Date => new Date(now.getTime() + count * 60_000);

describe('another try', () => {
  it.each([
    [1, 1],
    [2, 5],
    [3, 15],
    [4, 60],
  ])('after try %i comes %i minutes later', (attempts, wait) => {
    expect(planRetry({ attempts, now, nextDueAt: null })).toEqual(minutes(wait));
  });

  it('is not made after four', () => {
    expect(planRetry({ attempts: 5, now, nextDueAt: null })).toBeNull();
  });

  it('is not made when the next run is due by then', () => {
    expect(planRetry({ attempts: 3, now, nextDueAt: minutes(15) })).toBeNull();
    expect(planRetry({ attempts: 3, now, nextDueAt: minutes(16) })).toEqual(minutes(15));
  });
});

describe('waiting for others', () => {
  it('goes on minute by minute for six hours', () => {
    expect(planWait({ busySince: now, now })).toEqual(minutes(1));
    expect(planWait({ busySince: now, now: minutes(359) })).toEqual(minutes(360));
    expect(planWait({ busySince: now, now: minutes(360) })).toBeNull();
  });
});

describe('a boot', () => {
  it.each([
    [0, 7, false],
    [1, 1, true],
    [3, 2, false],
    [3, 3, true],
    [3, 6, true],
  ])('where every %i. is one, for the %i. good backup: %s', (bootEvery, nth, isTurn) => {
    expect(isBootTurn(bootEvery, nth)).toBe(isTurn);
  });
});
