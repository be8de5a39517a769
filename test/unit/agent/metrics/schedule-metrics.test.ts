import { expect, it } from 'vitest';
import { makeMeasuredHost } from './measured-host.ts';

it('runs of schedules are counted by what became of them, from 0 on', async () => {
  const host = makeMeasuredHost();
  const total = (status: string) => host.value('darkroom_schedule_runs_total', { status });
  expect([await total('succeeded'), await total('failed'), await total('skipped')]).toEqual([0, 0, 0]);
  expect(await total('waiting')).toBeUndefined();
  host.metrics.schedules.countRun('failed');
  host.metrics.schedules.countRun('failed');
  expect(await total('failed')).toBe(2);
});

it('backups that are overdue by one schedule are, whatever another says, and those that nobody looks at are not told of', async () => {
  const host = makeMeasuredHost();
  const web = { instance: { id: 'w', name: 'web' }, backupType: 'daily' };
  const overdue = (id: string) => host.value('darkroom_backup_overdue', { instance_id: id, backup_type: 'daily' });
  host.metrics.schedules.showOverdue([
    { ...web, isOverdue: true },
    { ...web, isOverdue: false },
    { instance: { id: 'd', name: 'db' }, backupType: 'daily', isOverdue: false },
  ]);
  expect([await overdue('w'), await overdue('d')]).toEqual([1, 0]);
  host.metrics.schedules.showOverdue([{ ...web, isOverdue: false }]);
  expect([await overdue('w'), await overdue('d')]).toEqual([0, undefined]);
});

it('the next run of each schedule is shown as long as there is one', async () => {
  const host = makeMeasuredHost();
  const next = () => host.value('darkroom_schedule_next_run_timestamp_seconds', { schedule: 's' });
  host.metrics.schedules.showNextRuns([{ scheduleId: 's', next: new Date('2026-05-01T10:00:00.000Z') }]);
  expect(await next()).toBe(Date.UTC(2026, 4, 1, 10) / 1000);
  host.metrics.schedules.showNextRuns([]);
  expect(await next()).toBeUndefined();
});
