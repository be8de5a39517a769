import type { BackupSchedule, ScheduleRun } from '../model/backup/schedule.ts';
import { DarkroomError } from '../model/errors.ts';
import type { CreateScheduleRequest } from '../model/requests.ts';
import type { Core } from './support/context.ts';

export async function listSchedules(core: Core): Promise<readonly BackupSchedule[]> {
  return await core.schedules.list();
}

export async function showSchedule(_core: Core, _reference: string): Promise<BackupSchedule> {
  throw new DarkroomError('INTERNAL', 'not made yet');
}

export async function createSchedule(_core: Core, _request: CreateScheduleRequest): Promise<BackupSchedule> {
  throw new DarkroomError('INTERNAL', 'not made yet');
}

export async function deleteSchedule(_core: Core, _reference: string): Promise<void> {
  throw new DarkroomError('INTERNAL', 'not made yet');
}

export async function pauseSchedule(
  _core: Core,
  _reference: string,
  _change: { readonly isPaused: boolean },
): Promise<BackupSchedule> {
  throw new DarkroomError('INTERNAL', 'not made yet');
}

export async function runSchedule(_core: Core, _reference: string): Promise<readonly ScheduleRun[]> {
  throw new DarkroomError('INTERNAL', 'not made yet');
}

export async function listScheduleRuns(
  _core: Core,
  _reference: string,
  _filter: { readonly limit: number },
): Promise<readonly ScheduleRun[]> {
  throw new DarkroomError('INTERNAL', 'not made yet');
}
