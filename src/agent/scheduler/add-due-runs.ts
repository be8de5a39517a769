import { newUuid } from '../../lib/uuid.ts';
import { judgeDue, planRuns } from '../../model/backup/due.ts';
import type { BackupSchedule, ScheduleRun } from '../../model/backup/schedule.ts';
import { describeRun, type SchedulerContext } from './context.ts';
import type { FindCovered } from './select-due-instances.ts';

export interface DueParts {
  readonly now: Date;
  /** Runs that are not over. */
  readonly open: readonly ScheduleRun[];
  readonly findCovered: FindCovered;
}

/** Notes what a schedule asks for by now; true when there are new runs. */
export async function addDueRuns(
  context: SchedulerContext,
  schedule: BackupSchedule,
  parts: DueParts,
): Promise<boolean> {
  const { now } = parts;
  const due = judgeDue(schedule, { now, lastTime: context.dueTimes.last(schedule, now) });
  switch (due.kind) {
    case 'nothing':
      return false;
    case 'set-back':
      context.log.warn(
        { scheduleId: schedule.id, handledUntil: schedule.handledUntil },
        'the clock was set back: a schedule goes on from now',
      );
      return await note(context, schedule, { now, runs: [] });
    case 'passed':
      return await note(context, schedule, { now, runs: [] });
    case 'due':
      return await note(context, schedule, { now, runs: await plan(schedule, due.dueAt, parts) });
    default:
      return due satisfies never;
  }
}

async function plan(
  schedule: BackupSchedule,
  dueAt: Date,
  { now, open, findCovered }: DueParts,
): Promise<readonly ScheduleRun[]> {
  const instances = await findCovered(schedule);
  const busyIds = new Set(open.flatMap((run) => (run.scheduleId === schedule.id ? run.instanceId : [])));
  return planRuns(schedule, { dueAt, now, instances, busyIds, newId: newUuid });
}

async function note(
  { book, metrics, log }: SchedulerContext,
  schedule: BackupSchedule,
  { now, runs }: { readonly now: Date; readonly runs: readonly ScheduleRun[] },
): Promise<boolean> {
  const change = { expected: schedule.handledUntil, handledUntil: now.toISOString(), runs };
  if (!(await book.addRuns(schedule.id, change))) return false;
  for (const run of runs) {
    if (run.status !== 'skipped') continue;
    metrics.countRun(run.status);
    log.info(
      { ...describeRun({ schedule, run }), code: run.reason?.code ?? null },
      'a backup of a schedule was skipped',
    );
  }
  return runs.length > 0;
}
