import { z } from 'zod';
import type { Backup, BackupPlan, BackupStatus } from '../model/backup/backup.ts';
import type { BackupSchedule, ScheduleRun } from '../model/backup/schedule.ts';
import type { Operation } from '../model/operation.ts';
import type { BackupFilter } from '../model/requests.ts';
import { call, callForNothing } from './call.ts';
import { API_ROOT, collectionPath, encodeQuery, itemPath } from './paths.ts';
import {
  backupPlanSchema,
  backupSchema,
  backupStatusSchema,
  type CreateBackupBody,
  type PlanBackupsBody,
} from './schemas/backups.ts';
import { type CreateScheduleBody, scheduleRunSchema, scheduleSchema } from './schemas/schedules.ts';
import { post, read, type SubmitOptions, submit } from './send.ts';
import type { Transport } from './transport.ts';

export interface BackupCalls {
  create(body: CreateBackupBody, options?: SubmitOptions): Promise<Operation>;
  list(filter?: BackupFilter): Promise<readonly Backup[]>;
  plan(body: PlanBackupsBody): Promise<readonly BackupPlan[]>;
  status(filter?: { readonly instance?: string; readonly days?: number }): Promise<readonly BackupStatus[]>;
}

export interface ScheduleCalls {
  list(): Promise<readonly BackupSchedule[]>;
  show(schedule: string): Promise<BackupSchedule>;
  create(body: CreateScheduleBody): Promise<BackupSchedule>;
  delete(schedule: string): Promise<void>;
  setPaused(schedule: string, body: { readonly isPaused: boolean }): Promise<BackupSchedule>;
  /** Asks the agent for a run of now. */
  run(schedule: string): Promise<readonly ScheduleRun[]>;
  /** Newest first. */
  listRuns(schedule: string, filter?: { readonly limit?: number }): Promise<readonly ScheduleRun[]>;
}

export function backupCalls(transport: Transport): BackupCalls {
  return {
    create: (body, options) => submit(transport, post(collectionPath('backups'), body), options),
    list: ({ backupType, ...filter } = {}) =>
      read(transport, collectionPath('backups', { ...filter, type: backupType }), z.array(backupSchema)),
    plan: (body) => call(transport, post(`${API_ROOT}/backups/plan`, body), z.array(backupPlanSchema)),
    status: (filter) =>
      read(transport, `${API_ROOT}/backups/status${encodeQuery({ ...filter })}`, z.array(backupStatusSchema)),
  };
}

export function scheduleCalls(transport: Transport): ScheduleCalls {
  return {
    list: () => read(transport, collectionPath('schedules'), z.array(scheduleSchema)),
    show: async (schedule) => read(transport, itemPath('schedules', schedule), scheduleSchema),
    create: (body) => call(transport, post(collectionPath('schedules'), body), scheduleSchema),
    delete: async (schedule) => callForNothing(transport, { method: 'DELETE', path: itemPath('schedules', schedule) }),
    setPaused: async (schedule, body) =>
      call(transport, { method: 'PATCH', path: itemPath('schedules', schedule), body }, scheduleSchema),
    run: async (schedule) =>
      call(transport, post(itemPath('schedules', schedule, { verb: 'run' })), z.array(scheduleRunSchema)),
    listRuns: async (schedule, filter) =>
      read(
        transport,
        itemPath('schedules', schedule, { verb: 'runs', query: { ...filter } }),
        z.array(scheduleRunSchema),
      ),
  };
}
