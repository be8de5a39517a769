import { describe, expect, it } from 'vitest';
import { requireBackupType, requireRetention } from '../../../../src/model/backup/backup-request-rules.ts';
import type { Retention, TierCounts } from '../../../../src/model/backup/retention.ts';
import { requireScheduleRequest } from '../../../../src/model/backup/schedule-request-rules.ts';
import { hasCode } from '../../../../src/model/errors.ts';
import type { CreateScheduleRequest } from '../../../../src/model/requests.ts';

const COUNTS: TierCounts = { hourly: 0, daily: 7, weekly: 0, monthly: 0, yearly: 0 };
const tiers = (counts: Partial<TierCounts>, timezone = 'Europe/Berlin'): Retention => ({
  kind: 'tiers',
  counts: { ...COUNTS, ...counts },
  timezone,
});

/** What it is refused with; null: it is taken. */
function complaint(work: () => void): string | null {
  try {
    work();
    return null;
  } catch (error) {
    if (hasCode(error, 'INVALID_REQUEST')) return error.message;
    throw error;
  }
}

describe('a backup type', () => {
  it.each(['daily', 'D', '7', 'before-upgrade_2.0', 'x'.repeat(63)])('may be %s', (type) => {
    expect(complaint(() => requireBackupType(type))).toBeNull();
  });

  it.each(['', ' ', '.daily', '-daily', '_daily', 'a b', 'a/b', 'dä', 'a\n', 'x'.repeat(64)])('is not %j', (type) => {
    expect(complaint(() => requireBackupType(type))).toContain(JSON.stringify(type));
  });
});

describe('a rule of retention', () => {
  it.each<Retention>([
    { kind: 'rotation', count: 0 },
    { kind: 'rotation', count: 1 },
    { kind: 'rotation', count: 10_000 },
    tiers({}),
    tiers({ hourly: 24, weekly: 4, monthly: 12, yearly: 2 }, 'UTC'),
  ])('may be %j', (retention) => {
    expect(complaint(() => requireRetention(retention))).toBeNull();
  });

  it.each<[Retention, string]>([
    [{ kind: 'rotation', count: -1 }, 'rotation is a whole number from 0 to 10000, not -1'],
    [{ kind: 'rotation', count: 1.5 }, 'not 1.5'],
    [{ kind: 'rotation', count: Number.NaN }, 'not NaN'],
    [{ kind: 'rotation', count: Number.POSITIVE_INFINITY }, 'not Infinity'],
    [{ kind: 'rotation', count: 10_001 }, 'not 10001'],
    [tiers({ monthly: -1 }), 'keep-monthly'],
    [tiers({ hourly: 0.5 }), 'keep-hourly'],
    [tiers({ daily: 0 }), 'keeps at least one'],
    [tiers({}, 'Mars/Olympus'), '"Mars/Olympus" is no time zone'],
    [tiers({}, ''), 'no time zone'],
  ])('is not %j', (retention, why) => {
    expect(complaint(() => requireRetention(retention))).toContain(why);
  });
});

describe('a schedule', () => {
  const request: CreateScheduleRequest = {
    selector: { kind: 'all' },
    cron: '15 3 * * *',
    timezone: 'Europe/Berlin',
    backupType: 'daily',
    retention: { kind: 'rotation', count: 7 },
    consistency: 'auto',
    policy: null,
    jitterMs: 0,
    bootEvery: 0,
  };
  const check = (changes: Partial<CreateScheduleRequest>) =>
    complaint(() => requireScheduleRequest({ ...request, ...changes }, new Date('2026-01-01T00:00:00Z')));
  const policy = (maxAgeMs: number) => ({ consistency: 'crash', maxAgeMs }) as const;

  it.each<Partial<CreateScheduleRequest>>([
    {},
    { selector: { kind: 'label', key: 'tier', value: 'gold' } },
    { retention: tiers({}), cron: '@daily', timezone: 'UTC' },
    { jitterMs: 86_400_000, bootEvery: 1000, policy: policy(60_000) },
    { policy: policy(3650 * 86_400_000) },
  ])('may have %j', (changes) => {
    expect(check(changes)).toBeNull();
  });

  it.each<[Partial<CreateScheduleRequest>, string]>([
    [{ cron: '0 15 3 * * *' }, 'five fields'],
    [{ timezone: 'Mars/Olympus' }, '"Mars/Olympus" is no time zone'],
    [{ backupType: '' }, 'A backup type is'],
    [{ retention: { kind: 'rotation', count: -1 } }, 'rotation is a whole number'],
    [{ retention: { kind: 'rotation', count: 0 } }, 'it would delete each one that it makes'],
    [{ retention: tiers({ daily: 0 }) }, 'keeps at least one'],
    [{ selector: { kind: 'label', key: '', value: 'gold' } }, 'A label has a key and a value'],
    [{ selector: { kind: 'label', key: 'tier', value: '' } }, 'A label has a key and a value'],
    [{ jitterMs: -1 }, 'The jitter'],
    [{ jitterMs: 86_400_001 }, 'The jitter'],
    [{ jitterMs: 0.5 }, 'The jitter'],
    [{ bootEvery: -1 }, 'boot test'],
    [{ bootEvery: 1001 }, 'boot test'],
    [{ policy: policy(59_999) }, 'How old'],
    [{ policy: policy(3650 * 86_400_000 + 1) }, 'How old'],
    [{ policy: policy(Number.NaN) }, 'How old'],
  ])('may not have %j', (changes, why) => {
    expect(check(changes)).toContain(why);
  });
});
