import { describe, expect, it } from 'vitest';
import {
  planRetention,
  type RetainedBackup,
  type Retention,
  type TierCounts,
} from '../../../../src/model/backup/retention.ts';

const NONE: TierCounts = { hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 };

function backup(createdAt: string, changes: Partial<RetainedBackup> = {}): RetainedBackup {
  return { id: createdAt, createdAt, isActive: true, isProtected: false, ...changes };
}

function tiers(counts: Partial<TierCounts>, timezone = 'UTC'): Retention {
  return { kind: 'tiers', counts: { ...NONE, ...counts }, timezone };
}

/** Reasons by id, newest first. */
function reasons(backups: readonly RetainedBackup[], retention: Retention): Readonly<Record<string, string>> {
  return Object.fromEntries(planRetention(backups, retention).map(({ backup: { id }, keep }) => [id, keep.join(' ')]));
}

/** Ids of those that a tier keeps, newest first. */
function kept(times: readonly string[], retention: Retention): readonly string[] {
  return planRetention(
    times.map((time) => backup(time)),
    retention,
  )
    .filter(({ keep }) => keep.length > 0)
    .map(({ backup: { id } }) => id);
}

const day = (number: number): string => `2026-01-0${number}T03:15:00.000Z`;

describe('a rotation', () => {
  const four = [2, 4, 1, 3].map((number) => backup(day(number)));

  it.each<[number, readonly string[]]>([
    [0, ['', '', '', '']],
    [1, ['rotation-1', '', '', '']],
    [3, ['rotation-1', 'rotation-2', 'rotation-3', '']],
    [4, ['rotation-1', 'rotation-2', 'rotation-3', 'rotation-4']],
    [9, ['rotation-1', 'rotation-2', 'rotation-3', 'rotation-4']],
  ])('of %i keeps the newest', (count, expected) => {
    const plan = planRetention(four, { kind: 'rotation', count });
    expect(plan.map(({ backup: { id } }) => id)).toEqual([day(4), day(3), day(2), day(1)]);
    expect(plan.map(({ keep }) => keep.join(' '))).toEqual(expected);
  });

  it('has nothing to say of no backups', () => {
    expect(planRetention([], { kind: 'rotation', count: 7 })).toEqual([]);
  });

  it('orders those of the same instant by their id, however they come', () => {
    const twins = ['b', 'a', 'c'].map((id) => backup(day(1), { id }));
    const expected = { c: 'rotation-1', b: 'rotation-2', a: '' };
    expect(reasons(twins, { kind: 'rotation', count: 2 })).toEqual(expected);
    expect(reasons(twins.toReversed(), { kind: 'rotation', count: 2 })).toEqual(expected);
  });

  it('goes by instants and not by how they are written', () => {
    const [early, late] = ['2026-01-01T03:00:00.000+05:00', '2026-01-01T01:00:00Z'];
    expect(reasons([backup(early), backup(late)], { kind: 'rotation', count: 1 })).toEqual({
      [late]: 'rotation-1',
      [early]: '',
    });
  });

  it('counts a protected one in its place, and keeps it beyond', () => {
    const backups = [1, 2, 3, 4].map((number) => backup(day(number), { isProtected: number % 2 === 0 }));
    expect(reasons(backups, { kind: 'rotation', count: 1 })).toEqual({
      [day(4)]: 'rotation-1 protected',
      [day(3)]: '',
      [day(2)]: 'protected',
      [day(1)]: '',
    });
  });

  it('neither counts nor lets go what is not active: failed ones push no good one out', () => {
    const backups = [1, 2, 3, 4].map((number) => backup(day(number), { isActive: number < 3 }));
    expect(reasons(backups, { kind: 'rotation', count: 1 })).toEqual({
      [day(4)]: 'not active',
      [day(3)]: 'not active',
      [day(2)]: 'rotation-1',
      [day(1)]: '',
    });
  });
});

describe('tiers', () => {
  it.each<[keyof TierCounts, readonly string[], readonly string[]]>([
    [
      'hourly',
      ['2026-01-01T10:00:00Z', '2026-01-01T10:59:59Z', '2026-01-01T11:00:00Z', '2026-01-01T14:30:00Z'],
      ['2026-01-01T14:30:00Z', '2026-01-01T11:00:00Z'],
    ],
    [
      'daily',
      ['2026-01-01T00:00:00Z', '2026-01-01T23:59:59Z', '2026-01-02T00:00:00Z', '2026-01-02T12:00:00Z'],
      ['2026-01-02T12:00:00Z', '2026-01-01T23:59:59Z'],
    ],
    [
      'weekly',
      ['2026-01-04T23:00:00Z', '2026-01-05T00:00:00Z', '2026-01-11T23:00:00Z', '2026-01-12T00:00:00Z'],
      ['2026-01-12T00:00:00Z', '2026-01-11T23:00:00Z'],
    ],
    [
      'monthly',
      ['2025-12-31T23:00:00Z', '2026-01-01T00:00:00Z', '2026-01-31T00:00:00Z', '2026-02-01T00:00:00Z'],
      ['2026-02-01T00:00:00Z', '2026-01-31T00:00:00Z'],
    ],
    [
      'yearly',
      ['2024-06-01T00:00:00Z', '2025-01-01T00:00:00Z', '2025-12-31T23:59:59Z', '2026-01-01T00:00:00Z'],
      ['2026-01-01T00:00:00Z', '2025-12-31T23:59:59Z'],
    ],
  ])('keep the last one of each of the two newest periods: %s', (tier, times, expected) => {
    expect(kept(times, tiers({ [tier]: 2 }))).toEqual(expected);
  });

  it('pass over periods that have none', () => {
    const times = ['2025-01-05T03:00:00Z', '2025-06-01T03:00:00Z', '2025-06-02T03:00:00Z', '2026-01-01T03:00:00Z'];
    expect(kept(times, tiers({ daily: 3 }))).toEqual([times[3], times[2], times[1]]);
  });

  it('give every reason that one has, and none to what no tier wants', () => {
    const times = ['2025-11-30T03:00:00Z', '2025-12-30T03:00:00Z', '2025-12-31T03:00:00Z', '2026-01-01T03:00:00Z'];
    const backups = times.map((time) => backup(time));
    expect(reasons(backups, tiers({ hourly: 1, daily: 2, weekly: 1, monthly: 3, yearly: 2 }))).toEqual({
      '2026-01-01T03:00:00Z': 'hourly-1 daily-1 weekly-1 monthly-1 yearly-1',
      '2025-12-31T03:00:00Z': 'daily-2 monthly-2 yearly-2',
      '2025-12-30T03:00:00Z': '',
      '2025-11-30T03:00:00Z': 'monthly-3',
    });
  });

  it('count protected ones and pass over those that are not active', () => {
    const [first, second, third] = [1, 2, 3].map((number) => day(number));
    const backups = [
      backup(first ?? ''),
      backup(second ?? '', { isProtected: true }),
      backup(third ?? '', { isActive: false }),
    ];
    expect(reasons(backups, tiers({ daily: 1 }))).toEqual({
      [day(3)]: 'not active',
      [day(2)]: 'daily-1 protected',
      [day(1)]: '',
    });
  });

  // https://en.wikipedia.org/wiki/ISO_week_date lists the first and last days of these years
  it.each([
    ['2021-01-03T12:00:00Z', '2020-12-28T12:00:00Z', true],
    ['2021-01-04T12:00:00Z', '2021-01-03T12:00:00Z', false],
    ['2022-01-01T12:00:00Z', '2021-12-27T12:00:00Z', true],
    ['2022-01-03T12:00:00Z', '2022-01-02T12:00:00Z', false],
    ['2024-12-30T12:00:00Z', '2025-01-05T12:00:00Z', true],
    ['2024-12-29T12:00:00Z', '2024-12-30T12:00:00Z', false],
    ['2026-12-31T12:00:00Z', '2027-01-03T12:00:00Z', true],
    ['2026-12-27T12:00:00Z', '2026-12-28T12:00:00Z', false],
    ['2026-01-05T12:00:00Z', '2027-01-04T12:00:00Z', false],
  ])('know that the ISO week of %s and of %s are one: %s', (one, other, isSame) => {
    expect(kept([one, other], tiers({ weekly: 9 }))).toHaveLength(isSame ? 1 : 2);
  });

  it.each([
    ['UTC', 1],
    ['Europe/Berlin', 2],
    ['America/New_York', 1],
    ['Asia/Tokyo', 1],
    ['Pacific/Kiritimati', 1],
  ])('end days by the clock of %s', (timezone, days) => {
    expect(kept(['2026-07-01T21:30:00Z', '2026-07-01T22:30:00Z'], tiers({ daily: 9 }, timezone))).toHaveLength(days);
  });

  it('end years, months and weeks by the clock of their time zone too', () => {
    const times = ['2025-12-31T14:59:59Z', '2025-12-31T15:00:00Z'];
    expect(kept(times, tiers({ yearly: 9 }, 'Asia/Tokyo'))).toHaveLength(2);
    expect(kept(times, tiers({ monthly: 9 }, 'Asia/Tokyo'))).toHaveLength(2);
    expect(kept(times, tiers({ weekly: 9 }, 'Asia/Tokyo'))).toHaveLength(1);
    expect(kept(times, tiers({ yearly: 9 }))).toHaveLength(1);
  });

  it('end hours by the clock of a time zone that is half an hour off', () => {
    const times = ['2026-01-01T10:29:00Z', '2026-01-01T10:31:00Z', '2026-01-01T11:29:00Z'];
    expect(kept(times, tiers({ hourly: 9 }, 'Asia/Kolkata'))).toEqual([times[2], times[0]]);
    expect(kept(times, tiers({ hourly: 9 }))).toEqual([times[2], times[1]]);
  });

  it.each([
    ['Europe/Berlin', '2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z', 2],
    ['America/New_York', '2026-11-01T05:30:00Z', '2026-11-01T06:30:00Z', 2],
    ['Australia/Lord_Howe', '2026-04-04T14:45:00Z', '2026-04-04T15:15:00Z', 2],
    ['Europe/Berlin', '2026-03-29T00:59:00Z', '2026-03-29T01:00:00Z', 2],
    ['Europe/Berlin', '2026-03-29T01:00:00Z', '2026-03-29T01:59:00Z', 1],
    ['Australia/Lord_Howe', '2026-10-03T15:29:00Z', '2026-10-03T15:30:00Z', 2],
  ])('tell the hours apart when the clocks of %s change: %s, %s', (timezone, one, other, hours) => {
    expect(kept([one, other], tiers({ hourly: 9 }, timezone))).toHaveLength(hours);
    expect(kept([one, other], tiers({ daily: 9 }, timezone))).toHaveLength(1);
  });

  it('keep 23 and 25 of a backup in every hour of the days on which clocks change', () => {
    const hours = (from: string, count: number) =>
      Array.from({ length: count }, (_, hour) => new Date(Date.parse(from) + hour * 3_600_000).toISOString());
    expect(kept(hours('2026-03-28T23:00:00Z', 23), tiers({ hourly: 48 }, 'Europe/Berlin'))).toHaveLength(23);
    expect(kept(hours('2026-10-24T22:00:00Z', 25), tiers({ hourly: 48 }, 'Europe/Berlin'))).toHaveLength(25);
  });
});
