import { z } from 'zod';
import { ROLES } from '../../model/access.ts';
import {
  type BackupSchedule,
  isOpen,
  OPEN_RUN_STATUSES,
  RUN_STATUSES,
  type ScheduleRun,
} from '../../model/backup/schedule.ts';
import { ACHIEVED_CONSISTENCIES, REQUESTED_CONSISTENCIES } from '../../model/consistency.ts';
import type { RunFilter, ScheduleBook } from '../../model/ports/schedules.ts';
import type { Database } from './database.ts';
import { withStateErrors } from './state-errors.ts';

const count = z.int().min(0);

const retention = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('rotation'), count }),
  z.object({
    kind: z.literal('tiers'),
    counts: z.object({ hourly: count, daily: count, weekly: count, monthly: count, yearly: count }),
    timezone: z.string(),
  }),
]);

const selector = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('instance'), instanceId: z.string() }),
  z.object({ kind: z.literal('all') }),
  z.object({ kind: z.literal('label'), key: z.string(), value: z.string() }),
]);

const scheduleDocument: z.ZodType<Omit<BackupSchedule, 'isPaused' | 'handledUntil'>> = z.object({
  id: z.string(),
  selector,
  cron: z.string(),
  timezone: z.string(),
  backupType: z.string(),
  retention,
  consistency: z.enum(REQUESTED_CONSISTENCIES),
  policy: z.object({ consistency: z.enum(ACHIEVED_CONSISTENCIES), maxAgeMs: count }).nullable(),
  jitterMs: count,
  bootEvery: count,
  owner: z.string(),
  role: z.enum(ROLES),
  createdAt: z.string(),
});

const scheduleRow = z.object({
  is_paused: z.number().transform((value) => value !== 0),
  handled_until: z.string(),
  document: z.string(),
});

const runDocument: z.ZodType<ScheduleRun> = z.object({
  id: z.string(),
  scheduleId: z.string(),
  instanceId: z.string(),
  instanceName: z.string(),
  dueAt: z.string(),
  status: z.enum(RUN_STATUSES),
  startAt: z.string().nullable(),
  attempts: count,
  operationId: z.string().nullable(),
  imageId: z.string().nullable(),
  goodBackups: count.exactOptional(),
  reason: z.object({ code: z.string(), message: z.string() }).nullable(),
  endedAt: z.string().nullable(),
});

const runRow = z.object({ document: z.string() });

export function createScheduleBook(database: Database): ScheduleBook {
  const run = <Result>(work: () => Result): Result => withStateErrors(database.file, work);
  const write = <Result>(work: () => Result): Result => run(() => database.transact('durable', work));
  const find = (id: string): BackupSchedule | null => {
    const row = database.prepare('SELECT * FROM schedules WHERE id = ?').get(id);
    return row === undefined ? null : parseSchedule(row);
  };
  return {
    list: async () =>
      run(() => database.prepare('SELECT * FROM schedules ORDER BY created_at, id').all().map(parseSchedule)),
    find: async (id) => run(() => find(id)),
    add: async ({ isPaused, handledUntil, ...document }) =>
      write(() => {
        database
          .prepare('INSERT INTO schedules VALUES (?, ?, ?, ?, ?)')
          .run(document.id, document.createdAt, isPaused ? 1 : 0, handledUntil, JSON.stringify(document));
      }),
    remove: async (id) =>
      write(() => {
        database.prepare('DELETE FROM schedule_runs WHERE schedule_id = ?').run(id);
        database.prepare('DELETE FROM schedules WHERE id = ?').run(id);
      }),
    setPaused: async (id, isPaused) =>
      write(() => {
        database.prepare('UPDATE schedules SET is_paused = ? WHERE id = ?').run(isPaused ? 1 : 0, id);
        return find(id);
      }),
    addRuns: async (id, { expected, handledUntil, runs }) =>
      write(() => {
        if (runs.some((added) => isOpen(added) && hasOpenRun(database, added))) return false;
        const { changes } = database
          .prepare('UPDATE schedules SET handled_until = ? WHERE id = ? AND handled_until = ?')
          .run(handledUntil, id, expected);
        if (changes === 0) return false;
        for (const added of runs) insertRun(database, added);
        return true;
      }),
    saveRun: async (changed) =>
      write(() => {
        database
          .prepare('UPDATE schedule_runs SET status = ?, ended_at = ?, document = ? WHERE id = ?')
          .run(changed.status, changed.endedAt, JSON.stringify(changed), changed.id);
      }),
    listRuns: async (filter) => run(() => listRuns(database, filter)),
    prune: async (before) => write(() => prune(database, before)),
  };
}

function parseSchedule(value: unknown): BackupSchedule {
  const { is_paused: isPaused, handled_until: handledUntil, document } = scheduleRow.parse(value);
  return { ...scheduleDocument.parse(JSON.parse(document)), isPaused, handledUntil };
}

function hasOpenRun(database: Database, { scheduleId, instanceId }: ScheduleRun): boolean {
  return listRuns(database, { scheduleId, instanceId, statuses: OPEN_RUN_STATUSES, limit: 1 }).length > 0;
}

function insertRun(database: Database, run: ScheduleRun): void {
  database
    .prepare(
      'INSERT INTO schedule_runs (id, schedule_id, instance_id, due_at, status, ended_at, document) VALUES (?, ?, ?, ?, ?, ?, ?)',
    )
    .run(run.id, run.scheduleId, run.instanceId, run.dueAt, run.status, run.endedAt, JSON.stringify(run));
}

function listRuns(database: Database, { scheduleId, instanceId, statuses, limit }: RunFilter): readonly ScheduleRun[] {
  const conditions = [
    ...(scheduleId === undefined ? [] : ['schedule_id = ?']),
    ...(instanceId === undefined ? [] : ['instance_id = ?']),
    ...(statuses === undefined ? [] : [`status IN (${statuses.map(() => '?').join(', ')})`]),
  ];
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  const values = [scheduleId, instanceId, ...(statuses ?? [])].filter((value) => value !== undefined);
  return database
    .prepare(`SELECT document FROM schedule_runs ${where} ORDER BY due_at DESC, sequence DESC LIMIT ?`)
    .all(...values, limit ?? -1)
    .map((row) => runDocument.parse(JSON.parse(runRow.parse(row).document)));
}

function prune(database: Database, before: string): void {
  database
    .prepare(
      `DELETE FROM schedule_runs WHERE ended_at < ? AND sequence NOT IN
        (SELECT MAX(sequence) FROM schedule_runs GROUP BY schedule_id, instance_id)`,
    )
    .run(before);
}
