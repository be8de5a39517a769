import { describe, expect, it } from 'vitest';
import { type JudgedBackup, judgePolicy } from '../../../../src/model/backup/policy.ts';
import { ACHIEVED_CONSISTENCIES, type AchievedConsistency } from '../../../../src/model/consistency.ts';

const HOUR_MS = 3_600_000;
const NOW = new Date('2026-11-21T12:00:00.000Z');
const ago = (hours: number): string => new Date(NOW.getTime() - hours * HOUR_MS).toISOString();

interface Case {
  readonly newest: JudgedBackup | null;
  readonly scheduledFor?: number;
  readonly demanded?: AchievedConsistency;
  readonly maxAgeMs?: number;
}

function judge({ newest, scheduledFor = 1000, demanded = 'crash', maxAgeMs = 26 * HOUR_MS }: Case): string | null {
  const policy = { consistency: demanded, maxAgeMs };
  return judgePolicy({ schedule: { backupType: 'daily', createdAt: ago(scheduledFor), policy }, newest, now: NOW });
}

describe('the age of the newest backup', () => {
  it.each<[string, number, boolean]>([
    ['fresh', 1, false],
    ['just as old as it may be', 26, false],
    ['a moment older', 26 + 1 / HOUR_MS, true],
    ['of tomorrow, by a clock that was set back', -24, false],
  ])('%s', (_title, hours, isTold) => {
    expect(judge({ newest: { createdAt: ago(hours), consistency: 'offline' } }) !== null).toBe(isTold);
  });

  it.each<[string, number, JudgedBackup | null, boolean]>([
    ['none yet under a new schedule', 25, null, false],
    ['none under an old one', 27, null, true],
    ['an old one from before a new schedule', 25, { createdAt: ago(500), consistency: 'crash' }, false],
    ['an old one from before an old schedule', 27, { createdAt: ago(500), consistency: 'crash' }, true],
  ])('%s', (_title, scheduledFor, newest, isTold) => {
    expect(judge({ newest, scheduledFor }) !== null).toBe(isTold);
  });

  it.each([
    [26 * HOUR_MS, '26 hours'],
    [24 * HOUR_MS, '1 day'],
    [7 * 24 * HOUR_MS, '7 days'],
    [90 * 60_000, '90 minutes'],
    [61_000, '61 seconds'],
    [1500, '1500 milliseconds'],
  ])('is told of in words: %i', (maxAgeMs, words) => {
    expect(judge({ newest: null, maxAgeMs })).toBe(`no daily backup for more than ${words}: there is none`);
  });
});

describe('the consistency of the newest backup', () => {
  const ENOUGH: Readonly<Record<AchievedConsistency, readonly AchievedConsistency[]>> = {
    offline: ['offline', 'quiesced'],
    quiesced: ['offline', 'quiesced'],
    paused: ['offline', 'quiesced', 'paused'],
    crash: ['offline', 'quiesced', 'paused', 'crash'],
  };

  it.each(ACHIEVED_CONSISTENCIES)('is enough or not where %s is demanded', (demanded) => {
    const enough = ACHIEVED_CONSISTENCIES.filter(
      (consistency) => judge({ demanded, newest: { createdAt: ago(1), consistency } }) === null,
    );
    expect([...enough].sort()).toEqual([...ENOUGH[demanded]].sort());
  });

  it('is never enough when nobody knows it', () => {
    expect(judge({ newest: { createdAt: ago(1), consistency: null } })).toContain('of unknown consistency, not crash');
  });

  it('does not matter for one from before the schedule', () => {
    const newest: JudgedBackup = { createdAt: ago(3), consistency: 'crash' };
    expect(judge({ newest, scheduledFor: 2, demanded: 'quiesced' })).toBeNull();
    expect(judge({ newest, scheduledFor: 4, demanded: 'quiesced' })).toContain('is crash, not quiesced');
  });
});

it('demands nothing without a policy', () => {
  const schedule = { backupType: 'daily', createdAt: ago(5000), policy: null };
  expect(judgePolicy({ schedule, newest: null, now: NOW })).toBeNull();
});
