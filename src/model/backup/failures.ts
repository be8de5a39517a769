import type { ScheduleRun } from './schedule.ts';

/** Runs of one instance that failed since the last one of their schedule that did not, newest first as the runs are. */
export function listFailures(runs: readonly ScheduleRun[]): readonly ScheduleRun[] {
  const recovered = new Set<string>();
  return runs.filter(({ scheduleId, status }) => {
    if (status === 'succeeded') recovered.add(scheduleId);
    return status === 'failed' && !recovered.has(scheduleId);
  });
}
