import { describe, expect, it } from 'vitest';
import type { BackupDay } from '../../../../src/model/backup/backup.ts';
import { type DayFacts, drawUpDays } from '../../../../src/model/backup/days.ts';
import { listFailures } from '../../../../src/model/backup/failures.ts';
import { RUN_STATUSES, type RunStatus } from '../../../../src/model/backup/schedule.ts';
import { ACHIEVED_CONSISTENCIES, type AchievedConsistency } from '../../../../src/model/consistency.ts';
import { sampleScheduleRun } from '../../agent/samples.ts';

const NOW = new Date('2026-03-01T00:30:00.000Z');

function draw({ backups = [], runs = [] }: Partial<DayFacts>, days = 2): readonly BackupDay[] {
  return drawUpDays({ backups, runs }, { days, now: NOW });
}

const made = (consistency: AchievedConsistency | null, createdAt = '2026-03-01T00:10:00.000Z') => ({
  ...{ id: `${createdAt} ${consistency}`, createdAt, consistency, isUnbootable: false },
});
const ran = (status: RunStatus, imageId: string | null = null) => ({
  ...{ dueAt: '2026-03-01T00:00:00.000Z', status, imageId },
});

describe('the days of an instance', () => {
  it('are UTC days, today last, over the end of a month and of a year', () => {
    expect(draw({}, 3).map(({ date }) => date)).toEqual(['2026-02-27', '2026-02-28', '2026-03-01']);
    expect(draw({}, 366)[0]?.date).toBe('2025-03-01');
    expect(draw({}, 1)).toEqual([{ date: '2026-03-01', outcome: 'none' }]);
  });

  it.each(ACHIEVED_CONSISTENCIES)('tell how a backup was made: %s', (consistency) => {
    expect(draw({ backups: [made(consistency)] })[1]).toEqual({ date: '2026-03-01', outcome: 'good', consistency });
  });

  it('leave out what is older', () => {
    expect(draw({ backups: [made('crash', '2026-02-27T23:59:59.999Z')] }).map(({ outcome }) => outcome)).toEqual([
      'none',
      'none',
    ]);
  });

  it.each<[RunStatus, BackupDay['outcome']]>([
    ['succeeded', 'good'],
    ['failed', 'failed'],
    ['skipped', 'skipped'],
    ['cancelled', 'skipped'],
    ['waiting', 'none'],
    ['running', 'none'],
    ['verifying', 'none'],
  ])('tell of a run that is %s: %s', (status, outcome) => {
    expect(draw({ runs: [ran(status)] })[1]).toMatchObject({ outcome });
  });

  it('know every status of a run', () => {
    expect(RUN_STATUSES).toHaveLength(7);
  });

  it('do not know how a backup was made that is gone', () => {
    expect(draw({ runs: [ran('succeeded', 'gone')] })[1]).toMatchObject({ outcome: 'good', consistency: null });
  });

  it('are the day that a backup was made, not the one that it was due', () => {
    const backup = made('paused');
    const run = { ...ran('succeeded', backup.id), dueAt: '2026-02-28T23:59:00.000Z' };
    expect(draw({ backups: [backup], runs: [run] })).toEqual([
      { date: '2026-02-28', outcome: 'none' },
      { date: '2026-03-01', outcome: 'good', consistency: 'paused' },
    ]);
  });

  it('take the best of a day, in whatever order it comes', () => {
    const worst: DayFacts['runs'] = [ran('skipped'), ran('failed'), ran('skipped')];
    expect(draw({ runs: worst })[1]?.outcome).toBe('failed');
    const backups = [made('crash'), made('quiesced'), made('paused')];
    for (const all of [backups, backups.toReversed()]) {
      expect(draw({ backups: all, runs: worst })[1]).toMatchObject({ outcome: 'good', consistency: 'quiesced' });
    }
    const known = { backups: [made('crash')], runs: [ran('succeeded', 'gone')] };
    expect(draw(known)[1]).toMatchObject({ consistency: 'crash' });
  });

  it('are failed when the backup did not boot', () => {
    const backup = { ...made('offline'), isUnbootable: true };
    expect(draw({ backups: [backup], runs: [ran('failed', backup.id)] })[1]?.outcome).toBe('failed');
  });
});

describe('failures of an instance', () => {
  const run = (statuses: string, scheduleId = 'a') =>
    [...statuses].map((letter) => ({
      ...sampleScheduleRun,
      scheduleId,
      status: ({ f: 'failed', s: 'succeeded', k: 'skipped', w: 'waiting' } as const)[letter] ?? ('cancelled' as const),
    }));

  it.each([
    ['', 0],
    ['s', 0],
    ['sfff', 0],
    ['f', 1],
    ['ffsf', 2],
    ['wfkfcs', 2],
  ])('count those since the last success, newest first: %s', (statuses, count) => {
    expect(listFailures(run(statuses))).toHaveLength(count);
  });

  it('count each schedule for itself: an hourly one that goes well hides no daily one that does not', () => {
    expect(listFailures([...run('s', 'hourly'), ...run('f', 'daily'), ...run('sf', 'hourly')])).toHaveLength(1);
  });
});
