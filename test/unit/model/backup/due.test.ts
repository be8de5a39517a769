import { describe, expect, it } from 'vitest';
import { findStart, jitterOf, judgeDue, nameBackup, planRuns } from '../../../../src/model/backup/due.ts';
import { sampleSchedule, sampleScheduleRun } from '../../agent/samples.ts';

const HOURLY = { ...sampleSchedule, cron: '0 * * * *', timezone: 'UTC', handledUntil: '2026-05-01T10:00:00.000Z' };
const at = (time: string): Date => new Date(`2026-05-01T${time}.000Z`);

describe('what is due', () => {
  const lastTime = at('11:00:00');

  it.each([
    ['nothing without a time that came', '10:59:59', null, { kind: 'nothing' }],
    ['the last time that came', '15:30:00', lastTime, { kind: 'due', dueAt: lastTime }],
    ['nothing when the clock was set back for less than a minute', '09:59:00', null, { kind: 'nothing' }],
    ['not known when the clock was set back for longer', '09:58:59', null, { kind: 'set-back' }],
  ] as const)('is %s', (_, time, last, due) => {
    expect(judgeDue(HOURLY, { now: at(time), lastTime: last })).toEqual(due);
  });

  it('is nothing that came while it was paused', () => {
    const paused = { ...HOURLY, isPaused: true };
    expect(judgeDue(paused, { now: at('11:30:00'), lastTime })).toEqual({ kind: 'passed' });
    expect(judgeDue(paused, { now: at('10:30:00'), lastTime: null })).toEqual({ kind: 'nothing' });
  });
});

describe('the runs of one time', () => {
  const facts = { dueAt: at('11:00:00'), now: at('11:00:30'), busyIds: new Set<string>(), newId: () => 'run' };
  const web = { id: 'web', name: 'Web', isShelved: false };

  it('are one for each instance, from the time on', () => {
    const runs = planRuns(HOURLY, { ...facts, instances: [web, { ...web, id: 'db' }] });
    expect(runs.map(({ instanceId }) => instanceId)).toEqual(['web', 'db']);
    expect(runs[0]).toEqual({
      id: 'run',
      scheduleId: HOURLY.id,
      instanceId: 'web',
      instanceName: 'Web',
      dueAt: '2026-05-01T11:00:00.000Z',
      startAt: '2026-05-01T11:00:00.000Z',
      status: 'waiting',
      attempts: 0,
      operationId: null,
      imageId: null,
      reason: null,
      endedAt: null,
    });
  });

  it('begin from now on where they are caught up, with their jitter', () => {
    const schedule = { ...HOURLY, jitterMs: 600_000 };
    const [run] = planRuns(schedule, { ...facts, now: at('14:20:00'), instances: [web] });
    const delayMs = Date.parse(run?.startAt ?? '') - at('14:20:00').getTime();
    expect(delayMs).toBe(jitterOf(schedule, 'web'));
    expect(run?.dueAt).toBe('2026-05-01T11:00:00.000Z');
  });

  it.each([
    ['shelved', { ...web, isShelved: true }, new Set<string>(), 'INSTANCE_STATE'],
    ['at work still', web, new Set(['web']), 'SCHEDULE_BUSY'],
  ] as const)('are skipped for one that is %s', (_, instance, busyIds, code) => {
    const [run] = planRuns(HOURLY, { ...facts, busyIds, instances: [instance] });
    expect(run).toMatchObject({ status: 'skipped', startAt: null, endedAt: facts.now.toISOString(), reason: { code } });
  });

  it('say that the one instance is gone, and nothing where all or a label have none', () => {
    const [run] = planRuns(HOURLY, { ...facts, instances: [] });
    expect(run).toMatchObject({ status: 'skipped', reason: { code: 'INSTANCE_NOT_FOUND' } });
    expect(planRuns({ ...HOURLY, selector: { kind: 'all' } }, { ...facts, instances: [] })).toEqual([]);
  });
});

describe('jitter', () => {
  it('is always the same, below its limit, and spread', () => {
    const schedule = { id: 'schedule', jitterMs: 300_000 };
    const delays = Array.from({ length: 1000 }, (_, index) => jitterOf(schedule, `instance-${index}`));
    expect(delays).toEqual(Array.from({ length: 1000 }, (_, index) => jitterOf(schedule, `instance-${index}`)));
    expect(Math.max(...delays)).toBeLessThan(300_000);
    expect(delays.filter((delay) => delay < 100_000).length).toBeGreaterThan(270);
    expect(delays.filter((delay) => delay >= 200_000).length).toBeGreaterThan(270);
    expect(jitterOf({ id: 'schedule', jitterMs: 0 }, 'web')).toBe(0);
  });
});

describe('the start of a run that waits', () => {
  const run = { ...sampleScheduleRun, startAt: '2026-05-01T12:00:00.000Z' };

  it.each([
    ['as noted', '11:00:00', 0, '12:00:00'],
    ['at once where it was noted by a clock that was wrong', '10:58:00', 0, '10:58:00'],
    ['as noted where jitter may put it off for so long', '10:58:00', 7_200_000, '12:00:00'],
  ] as const)('is %s', (_, now, jitterMs, start) => {
    expect(findStart(run, { jitterMs }, at(now))).toEqual(at(start));
  });
});

describe('the name of a backup', () => {
  it('tells of what, of which type, and of when it was due', () => {
    const run = { ...sampleScheduleRun, instanceName: 'web-1', dueAt: '2026-03-02T02:15:00.000Z' };
    expect(nameBackup(run, 'daily')).toBe('web-1-daily-20260302T0215Z');
  });

  it('is never longer than a name may be', () => {
    const name = nameBackup({ ...sampleScheduleRun, instanceName: '🦉'.repeat(300) }, 'daily');
    expect([...name]).toHaveLength(255);
    expect(name.endsWith('-daily-20260302T0215Z')).toBe(true);
  });
});
