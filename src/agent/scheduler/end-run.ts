import { uuidV5 } from '../../lib/uuid.ts';
import { planRetry } from '../../model/backup/retry.ts';
import type { ScheduleRun } from '../../model/backup/schedule.ts';
import type { Notification } from '../../model/ports/notifier.ts';
import { describeRun, type OpenRun, type SchedulerContext } from './context.ts';

type Reason = NonNullable<ScheduleRun['reason']>;

export interface RunEnd {
  readonly status: 'succeeded' | 'failed' | 'skipped' | 'cancelled';
  /** null where it succeeded. */
  readonly reason: Reason | null;
}

/** A try failed: the next one is waited for, or that was all. */
export async function failTry(context: SchedulerContext, { schedule, run }: OpenRun, reason: Reason): Promise<void> {
  const now = context.clock.now();
  const nextDueAt = context.dueTimes.nextAfter(schedule, now);
  const retryAt = planRetry({ attempts: run.attempts, now, nextDueAt });
  if (retryAt === null) {
    await endRun(context, { schedule, run }, { status: 'failed', reason });
    return;
  }
  const startAt = retryAt.toISOString();
  await context.book.saveRun({ ...run, status: 'waiting', startAt, reason });
  context.log.info({ ...describeRun({ schedule, run }), ...reason, startAt }, 'a backup of a schedule is tried again');
}

/** A run is over: it is on record, counted and logged, and who should hear of it does. */
export async function endRun(context: SchedulerContext, { schedule, run }: OpenRun, end: RunEnd): Promise<void> {
  const { book, clock, metrics } = context;
  const before = await findLastOutcome(context, run);
  const endedAt = clock.now().toISOString();
  const ended: ScheduleRun = { ...run, ...end, startAt: null, endedAt };
  await book.saveRun(ended);
  metrics.countRun(end.status);
  writeLog(context, { schedule, run: ended });
  const event = eventOf(end.status, before?.status ?? null);
  if (event !== null) context.tell(makeNotification(context, { schedule, run: ended }, event));
}

/** Of the run before that came to one: streaks of failures are told once. */
async function findLastOutcome({ book }: SchedulerContext, run: ScheduleRun): Promise<ScheduleRun | undefined> {
  const { scheduleId, instanceId } = run;
  const [last] = await book.listRuns({ scheduleId, instanceId, statuses: ['succeeded', 'failed'], limit: 1 });
  return last;
}

function eventOf(status: RunEnd['status'], before: ScheduleRun['status'] | null): Notification['event'] | null {
  if (status === 'failed' && before !== 'failed') return 'backup.failed';
  return status === 'succeeded' && before === 'failed' ? 'backup.recovered' : null;
}

function writeLog({ log }: SchedulerContext, open: OpenRun): void {
  const { status, imageId, operationId, reason } = open.run;
  const fields = {
    ...describeRun(open),
    imageId,
    operationId,
    code: reason?.code ?? null,
    error: reason?.message ?? null,
  };
  switch (status) {
    case 'succeeded':
      log.info(fields, 'a backup of a schedule was made');
      break;
    case 'failed':
      log.warn(fields, 'a backup of a schedule failed');
      break;
    default:
      log.info(fields, `a backup of a schedule was ${status}`);
  }
}

function makeNotification(
  { settings }: SchedulerContext,
  { schedule, run }: OpenRun,
  event: Notification['event'],
): Notification {
  const what = `The ${schedule.backupType} backup of ${run.instanceName}, due at ${run.dueAt},`;
  const message =
    event === 'backup.recovered'
      ? `${what} was made after others had failed.`
      : `${what} failed: ${run.reason?.code ?? ''}: ${run.reason?.message ?? ''}`;
  return {
    // the same whoever tells of it how often
    id: uuidV5(run.id, event),
    event,
    at: run.endedAt ?? run.dueAt,
    host: settings.hostName,
    instance: { id: run.instanceId, name: run.instanceName },
    scheduleId: schedule.id,
    backupType: schedule.backupType,
    message,
    error: event === 'backup.recovered' ? null : run.reason,
  };
}
