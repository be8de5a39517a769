import { type BackupSchedule, isOpen, type ScheduleRun } from '../../src/model/backup/schedule.ts';
import type { ScheduleBook } from '../../src/model/ports/schedules.ts';

/** In memory; the conformance suite holds it to what the one in SQLite does. */
export function createFakeScheduleBook(): ScheduleBook {
  const schedules = new Map<string, BackupSchedule>();
  let runs: readonly ScheduleRun[] = [];
  const newestOf = ({ scheduleId, instanceId }: ScheduleRun): ScheduleRun | undefined =>
    runs.findLast((run) => run.scheduleId === scheduleId && run.instanceId === instanceId);
  const hasOpenRun = ({ scheduleId, instanceId }: ScheduleRun): boolean =>
    runs.some((run) => run.scheduleId === scheduleId && run.instanceId === instanceId && isOpen(run));
  return {
    list: async () =>
      [...schedules.values()].sort((a, b) => a.createdAt.localeCompare(b.createdAt) || a.id.localeCompare(b.id)),
    find: async (id) => schedules.get(id) ?? null,
    add: async (schedule) => void schedules.set(schedule.id, schedule),
    remove: async (id) => {
      schedules.delete(id);
      runs = runs.filter((run) => run.scheduleId !== id);
    },
    setPaused: async (id, isPaused) => {
      const schedule = schedules.get(id);
      if (schedule === undefined) return null;
      const changed = { ...schedule, isPaused };
      schedules.set(id, changed);
      return changed;
    },
    addRuns: async (id, change) => {
      const schedule = schedules.get(id);
      if (schedule?.handledUntil !== change.expected) return false;
      if (change.runs.some((run) => isOpen(run) && hasOpenRun(run))) return false;
      schedules.set(id, { ...schedule, handledUntil: change.handledUntil });
      runs = [...runs, ...change.runs];
      return true;
    },
    saveRun: async (changed) => {
      runs = runs.map((run) => (run.id === changed.id ? changed : run));
    },
    listRuns: async ({ scheduleId, instanceId, statuses, limit }) =>
      runs
        .filter(
          (run) =>
            (scheduleId === undefined || run.scheduleId === scheduleId) &&
            (instanceId === undefined || run.instanceId === instanceId) &&
            (statuses === undefined || statuses.includes(run.status)),
        )
        .toReversed()
        .sort((a, b) => b.dueAt.localeCompare(a.dueAt))
        .slice(0, limit),
    prune: async (before) => {
      runs = runs.filter((run) => run.endedAt === null || run.endedAt >= before || newestOf(run) === run);
    },
  };
}
