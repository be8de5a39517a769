import type { BackupSchedule, ScheduleRun } from '../../../src/model/backup/schedule.ts';
import type { RunFilter, ScheduleBook } from '../../../src/model/ports/schedules.ts';

/** As the fake, but quick with tens of thousands of runs, as the one in SQLite is. Runs are added in the order they were due. */
export function createIndexedScheduleBook(): ScheduleBook {
  const schedules = new Map<string, BackupSchedule>();
  const open = new Map<string, ScheduleRun>();
  const runs = new Map<string, ScheduleRun[]>();
  const keyOf = ({ scheduleId = '', instanceId = '' }: Pick<RunFilter, 'scheduleId' | 'instanceId'>) =>
    `${scheduleId}/${instanceId}`;
  const write = (run: ScheduleRun): void => {
    const ofPair = runs.get(keyOf(run)) ?? [];
    // what is not open is new: nothing is written once it is over
    if (open.has(run.id)) ofPair[ofPair.findLastIndex(({ id }) => id === run.id)] = run;
    else ofPair.push(run);
    runs.set(keyOf(run), ofPair);
    if (run.endedAt === null) open.set(run.id, run);
    else open.delete(run.id);
  };
  const change = (id: string, changes: Partial<BackupSchedule>): BackupSchedule | null => {
    const schedule = schedules.get(id);
    if (schedule === undefined) return null;
    const changed = { ...schedule, ...changes };
    schedules.set(id, changed);
    return changed;
  };
  return {
    list: async () => [...schedules.values()],
    find: async (id) => schedules.get(id) ?? null,
    add: async (schedule) => void schedules.set(schedule.id, schedule),
    remove: async (id) => void schedules.delete(id),
    setPaused: async (id, isPaused) => change(id, { isPaused }),
    addRuns: async (id, { expected, handledUntil, runs: added }) => {
      if (schedules.get(id)?.handledUntil !== expected) return false;
      change(id, { handledUntil });
      for (const run of added) write(run);
      return true;
    },
    saveRun: async (run) => write(run),
    listRuns: async ({ statuses, limit = Number.POSITIVE_INFINITY, ...filter }) => {
      const candidates = filter.scheduleId === undefined ? [...open.values()] : (runs.get(keyOf(filter)) ?? []);
      const found: ScheduleRun[] = [];
      for (let index = candidates.length - 1; index >= 0 && found.length < limit; index -= 1) {
        const run = candidates[index];
        if (run !== undefined && (statuses === undefined || statuses.includes(run.status))) found.push(run);
      }
      return found;
    },
    prune: async (before) => {
      for (const ofPair of runs.values()) {
        const first = ofPair.findIndex(({ endedAt }) => endedAt === null || endedAt >= before);
        ofPair.splice(0, Math.max(0, first));
      }
    },
  };
}
