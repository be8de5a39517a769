import { findStart } from '../../model/backup/due.ts';
import { type BackupSchedule, OPEN_RUN_STATUSES, type ScheduleRun } from '../../model/backup/schedule.ts';
import type { Task } from '../background/guard-task.ts';
import { addDueRuns } from './add-due-runs.ts';
import type { OpenRun, SchedulerContext, SchedulerParts } from './context.ts';
import { createDueTimes } from './due-times.ts';
import { createFindCovered } from './select-due-instances.ts';
import { settleRun } from './settle-run.ts';
import { type BusySince, startRun } from './start-run.ts';
import { createPolicyWatch } from './watch-policies.ts';

const REMEMBERED_MS = 400 * 86_400_000;

export interface Scheduler {
  /** Settles what runs, notes what is due, begins what may begin, tells what went wrong. */
  readonly turn: Task;
  /** How long until another turn has something to do, as far as the last one could see. */
  msToNextTurn(limits: TurnLimits): number;
}

/** The longest from one turn to the next. */
export interface TurnLimits {
  readonly idleMs: number;
  /** While operations go on whose end others may wait for. */
  readonly activeMs: number;
}

/** Makes the backups that the schedules of this host ask for. All that it knows is in the book: it may die at any time. */
export function createScheduler({ application, ...parts }: SchedulerParts): Scheduler {
  const { book } = application.scheduling;
  const startedAt = parts.clock.now();
  const as: SchedulerContext['as'] = (caller) => application.as(caller);
  const context: SchedulerContext = { ...parts, book, as, dueTimes: createDueTimes(), startedAt };
  const watchPolicies = createPolicyWatch(context);
  const prune = createPruning(context);
  const busySince: BusySince = new Map();
  let next = NOTHING;

  const settle = async (open: readonly OpenRun[], attempt: Attempt): Promise<void> => {
    for (const each of open) if (each.run.status !== 'waiting') await attempt(() => settleRun(context, each));
  };
  const start = async (open: readonly OpenRun[], { now, signal, attempt }: TurnParts): Promise<void> => {
    let running = open.filter(({ run }) => run.status !== 'waiting').length;
    for (const each of open.filter((candidate) => mayStart(candidate, now)).sort(oldestFirst)) {
      if (signal.aborted || running >= context.settings.maxConcurrentBackups) return;
      await attempt(async () => {
        if (await startRun(context, each, busySince)) running += 1;
      });
    }
  };
  return {
    turn: async (signal) => {
      const failures: unknown[] = [];
      // a turn that fails is not followed by the next at once
      next = NOTHING;
      const attempt: Attempt = async (work) => await work().catch((error: unknown) => void failures.push(error));
      const now = context.clock.now();
      const schedules = await book.list();
      context.dueTimes.keepOnly(schedules);
      const open = async (): Promise<readonly OpenRun[]> =>
        pair(schedules, await book.listRuns({ statuses: OPEN_RUN_STATUSES }));
      await settle(await open(), attempt);
      const unsettled = (await open()).map(({ run }) => run);
      const findCovered = createFindCovered(context);
      for (const schedule of schedules) {
        if (signal.aborted) return;
        await attempt(async () => void (await addDueRuns(context, schedule, { now, open: unsettled, findCovered })));
      }
      await start(await open(), { now, signal, attempt });
      await attempt(() => watchPolicies(schedules, { now, findCovered }));
      await attempt(() => prune(now));
      next = await findNextTurn(context, { now, open: await open() });
      if (failures.length > 0) throw failures[0];
    },
    msToNextTurn: ({ idleMs, activeMs }) => {
      const limitMs = next.isActive ? activeMs : idleMs;
      return next.atMs === null ? limitMs : Math.max(0, Math.min(limitMs, next.atMs - context.clock.now().getTime()));
    },
  };
}

/** What it throws is thrown when the turn is over, and keeps nothing else from being tried. */
type Attempt = (work: () => Promise<void>) => Promise<void>;

interface TurnParts {
  readonly now: Date;
  readonly signal: AbortSignal;
  readonly attempt: Attempt;
}

function pair(schedules: readonly BackupSchedule[], runs: readonly ScheduleRun[]): readonly OpenRun[] {
  return runs.flatMap((run) => {
    const schedule = schedules.find(({ id }) => id === run.scheduleId);
    return schedule === undefined ? [] : { schedule, run };
  });
}

function mayStart({ schedule, run }: OpenRun, now: Date): boolean {
  return run.status === 'waiting' && findStart(run, schedule, now) <= now;
}

function oldestFirst({ run: left }: OpenRun, { run: right }: OpenRun): number {
  return left.dueAt.localeCompare(right.dueAt) || left.id.localeCompare(right.id);
}

function createPruning({ book }: SchedulerContext): (now: Date) => Promise<void> {
  let lastDay = '';
  return async (now) => {
    const day = now.toISOString().slice(0, 10);
    if (day === lastDay) return;
    await book.prune(new Date(now.getTime() - REMEMBERED_MS).toISOString());
    lastDay = day;
  };
}

interface NextTurn {
  /** Something runs. */
  readonly isActive: boolean;
  /** null: nothing is known to come. */
  readonly atMs: number | null;
}

const NOTHING: NextTurn = { isActive: false, atMs: null };

/** What should have begun already and could not is waited for as everything is. */
async function findNextTurn(
  { book, dueTimes, metrics }: SchedulerContext,
  { now, open }: { readonly now: Date; readonly open: readonly OpenRun[] },
): Promise<NextTurn> {
  const schedules = await book.list();
  const due = schedules.flatMap((schedule) => {
    const next = schedule.isPaused ? null : dueTimes.nextAfter(schedule, now);
    return next === null ? [] : { scheduleId: schedule.id, next };
  });
  metrics.showNextRuns(due);
  const waiting = open.flatMap(({ schedule, run }) => (run.status === 'waiting' ? findStart(run, schedule, now) : []));
  const coming = [...due.map(({ next }) => next), ...waiting].filter((at) => at > now).map((at) => at.getTime());
  return {
    isActive: open.some(({ run }) => run.status !== 'waiting'),
    atMs: coming.length === 0 ? null : Math.min(...coming),
  };
}
