import { describe, expect, it } from 'vitest';
import { findLastTime, listNextTimes, requireCronTimes } from '../../../../src/model/backup/cron.ts';
import { hasCode } from '../../../../src/model/errors.ts';

const NOW = new Date('2026-01-01T00:00:00Z');

/** Short forms of instants, for tables. */
const list = (times: readonly Date[]): readonly string[] => times.map((time) => time.toISOString().slice(0, 16));

function codeOf(work: () => void): string {
  try {
    work();
  } catch (error) {
    return hasCode(error, 'INVALID_REQUEST') ? error.message : String(error);
  }
  return 'taken';
}

describe('an expression', () => {
  it.each([
    '15 3 * * *',
    '*/5 * * * *',
    '0 0 29 2 *',
    '0 22-23 * * MON-FRI',
    '0,30 8-18/2 1,15 JAN-JUN *',
    '  0   3 * *   7 ',
    '@hourly',
    '@daily',
    '@midnight',
    '@weekly',
    '@monthly',
    '@yearly',
    '@annually',
  ])('may be %s', (cron) => {
    expect(codeOf(() => requireCronTimes({ cron, timezone: 'Europe/Berlin' }, NOW))).toBe('taken');
  });

  it.each([
    ['', 'it has five fields'],
    ['   ', 'it has five fields'],
    ['daily', 'it has five fields'],
    ['0 3 * *', 'it has five fields'],
    ['0 0 3 * * *', 'it has five fields'],
    ['0 0 3 * * * 2026', 'it has five fields'],
    ['2026-12-24T00:00:00', 'it has five fields'],
    ['0 3 * * *; reboot', 'it has five fields'],
    ['0 0 30 2 *', 'there is no such day'],
    ['0 0 31 4,6,9,11 *', 'there is no such day'],
    ['60 * * * *', 'minute'],
    ['0 24 * * *', 'hour'],
    ['0 0 0 * *', 'day'],
    ['0 0 * 13 *', 'month'],
    ['0 0 * * 8', 'dayOfWeek'],
    ['-1 * * * *', ''],
    ['5-1 * * * *', '5-1'],
    ['*/0 * * * *', 'stepping'],
    ['a b c d e', 'illegal'],
    ['1,,2 * * * *', 'empty'],
    ['@reboot', 'not supported'],
    ['@every', 'invalid'],
    ['@DAILY', 'it has five fields'],
  ])('is not %j', (cron, why) => {
    const message = codeOf(() => requireCronTimes({ cron, timezone: 'UTC' }, NOW));
    expect(message).toContain(`The schedule ${JSON.stringify(cron)} in UTC cannot be used`);
    expect(message).toContain(why);
  });

  it.each(['', 'Mars/Olympus', 'Europe/Berlin; x', '../etc'])('is not read in the time zone %j', (timezone) => {
    expect(codeOf(() => requireCronTimes({ cron: '15 3 * * *', timezone }, NOW))).toContain('is no time zone');
  });
});

describe('the next times', () => {
  it.each([
    // in spring a time that there is not is taken right after the gap; half an hour of it on Lord Howe
    ['30 2 * * *', 'Europe/Berlin', '2026-03-28T00:00Z', ['2026-03-28T01:30', '2026-03-29T01:00', '2026-03-30T00:30']],
    [
      '30 2 * * *',
      'America/New_York',
      '2026-03-07T00:00Z',
      ['2026-03-07T07:30', '2026-03-08T07:00', '2026-03-09T06:30'],
    ],
    ['15 2 * * *', 'Australia/Lord_Howe', '2026-10-02T16:00Z', ['2026-10-03T15:30', '2026-10-04T15:15']],
    // in autumn a time that there is twice is taken once
    ['30 2 * * *', 'Europe/Berlin', '2026-10-24T00:00Z', ['2026-10-24T00:30', '2026-10-25T00:30', '2026-10-26T01:30']],
    [
      '30 1 * * *',
      'America/New_York',
      '2026-10-31T00:00Z',
      ['2026-10-31T05:30', '2026-11-01T05:30', '2026-11-02T06:30'],
    ],
    ['45 1 * * *', 'Australia/Lord_Howe', '2026-04-04T00:00Z', ['2026-04-04T14:45', '2026-04-05T15:15']],
    // what comes every hour comes in every real hour
    ['0 * * * *', 'Europe/Berlin', '2026-03-28T23:30Z', ['2026-03-29T00:00', '2026-03-29T01:00', '2026-03-29T02:00']],
    ['0 * * * *', 'Europe/Berlin', '2026-10-24T23:30Z', ['2026-10-25T00:00', '2026-10-25T01:00', '2026-10-25T02:00']],
    [
      '0 * * * *',
      'America/New_York',
      '2026-11-01T04:30Z',
      ['2026-11-01T05:00', '2026-11-01T06:00', '2026-11-01T07:00'],
    ],
    ['@daily', 'Europe/Berlin', '2026-03-28T00:00Z', ['2026-03-28T23:00', '2026-03-29T22:00']],
    ['0 3 13 * 5', 'UTC', '2026-01-10T00:00Z', ['2026-01-13T03:00', '2026-01-16T03:00']],
    ['0 0 29 2 *', 'UTC', '2026-01-01T00:00Z', ['2028-02-29T00:00', '2032-02-29T00:00']],
    ['0 0 * * 7', 'UTC', '2026-01-01T00:00Z', ['2026-01-04T00:00', '2026-01-11T00:00']],
  ])('of %s in %s after %s', (cron, timezone, after, expected) => {
    expect(list(listNextTimes({ cron, timezone }, new Date(after), expected.length))).toEqual(expected);
  });

  it('leave out the instant that they come after', () => {
    const times = { cron: '15 3 * * *', timezone: 'UTC' };
    expect(list(listNextTimes(times, new Date('2026-01-01T03:15:00Z'), 1))).toEqual(['2026-01-02T03:15']);
    expect(list(listNextTimes(times, new Date('2026-01-01T03:14:59.999Z'), 1))).toEqual(['2026-01-01T03:15']);
  });
});

describe('the last time', () => {
  const times = { cron: '15 3 * * *', timezone: 'UTC' };
  const last = (after: string, until: string) => findLastTime(times, new Date(after), new Date(until))?.toISOString();

  it.each([
    ['2026-01-01T00:00:00Z', '2026-01-01T03:14:59.999Z', undefined],
    ['2026-01-01T00:00:00Z', '2026-01-01T03:15:00.000Z', '2026-01-01T03:15:00.000Z'],
    ['2026-01-01T00:00:00Z', '2026-01-01T03:15:00.001Z', '2026-01-01T03:15:00.000Z'],
    ['2026-01-01T00:00:00Z', '2026-01-01T03:15:00.999Z', '2026-01-01T03:15:00.000Z'],
    ['2026-01-01T00:00:00Z', '2026-01-01T03:15:01.000Z', '2026-01-01T03:15:00.000Z'],
    ['2026-01-01T03:14:59.999Z', '2026-01-02T03:14:00Z', '2026-01-01T03:15:00.000Z'],
    ['2026-01-01T03:15:00.000Z', '2026-01-02T03:14:00Z', undefined],
    ['2026-01-01T03:15:00.001Z', '2026-01-02T03:14:00Z', undefined],
    ['2026-01-01T00:00:00Z', '2026-03-01T12:00:00Z', '2026-03-01T03:15:00.000Z'],
    ['2026-01-02T00:00:00Z', '2026-01-01T12:00:00Z', undefined],
    ['2026-01-01T03:15:00Z', '2026-01-01T03:15:00Z', undefined],
  ])('after %s until %s is %s', (after, until, expected) => {
    expect(last(after, until)).toBe(expected);
  });

  it.each([
    ['*/10 * * * *', 'Europe/Berlin', '2026-03-28T23:00:00Z'],
    ['*/10 * * * *', 'Europe/Berlin', '2026-10-24T23:00:00Z'],
    ['30 2 * * *', 'Europe/Berlin', '2026-03-28T23:00:00Z'],
    ['30 2 * * *', 'Europe/Berlin', '2026-10-24T22:00:00Z'],
    ['30 1 * * *', 'America/New_York', '2026-11-01T03:00:00Z'],
    ['30 2 * * *', 'America/New_York', '2026-03-08T05:00:00Z'],
    ['*/10 * * * *', 'Australia/Lord_Howe', '2026-04-04T13:00:00Z'],
    ['15 2 * * *', 'Australia/Lord_Howe', '2026-10-03T13:00:00Z'],
    ['45 1 * * *', 'Australia/Lord_Howe', '2026-04-04T13:00:00Z'],
  ])('of %s in %s is, minute by minute over a change of clocks, the one that was next', (cron, timezone, start) => {
    const begin = new Date(start);
    const next = listNextTimes({ cron, timezone }, begin, 40).map((time) => time.getTime());
    for (let minute = 0; minute <= 300; minute++) {
      const until = new Date(begin.getTime() + minute * 60_000 + 500);
      const expected = next.findLast((time) => time <= until.getTime()) ?? null;
      expect(findLastTime({ cron, timezone }, begin, until)?.getTime() ?? null).toBe(expected);
    }
  });

  it('meets every time once, whatever the turns of a scheduler', () => {
    const hourly = { cron: '0 * * * *', timezone: 'Europe/Berlin' };
    const found: number[] = [];
    let handled = new Date('2026-10-24T20:00:30Z');
    for (let turn = 0; turn < 400; turn++) {
      const now = new Date(handled.getTime() + 97_531);
      const time = findLastTime(hourly, handled, now);
      if (time !== null) found.push(time.getTime());
      handled = now;
    }
    expect(found).toEqual(
      listNextTimes(hourly, new Date('2026-10-24T20:00:30Z'), found.length).map((time) => time.getTime()),
    );
    expect(found).toHaveLength(10);
  });
});
