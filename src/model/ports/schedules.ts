import type { BackupSchedule, RunStatus, ScheduleRun } from '../backup/schedule.ts';

export interface RunFilter {
  readonly scheduleId?: string;
  readonly instanceId?: string;
  readonly statuses?: readonly RunStatus[];
  readonly limit?: number;
}

/** Backup schedules of this host and what became of their runs. State that cannot be read or written: STATE_… errors of the database. */
export interface ScheduleBook {
  /** Oldest first. */
  list(): Promise<readonly BackupSchedule[]>;
  find(id: string): Promise<BackupSchedule | null>;
  add(schedule: BackupSchedule): Promise<void>;
  /** With all its runs. No error when there is none. */
  remove(id: string): Promise<void>;
  /** Returns what it became; null when there is no such schedule. */
  setPaused(id: string, isPaused: boolean): Promise<BackupSchedule | null>;
  /**
   * Adds runs and notes until when the schedule has been dealt with, both or nothing. False, and nothing is written, when the
   * schedule is gone, somebody else has noted another time than `expected` meanwhile, or a run that is open would be the
   * second one of its instance.
   */
  addRuns(
    id: string,
    change: { readonly expected: string; readonly handledUntil: string; readonly runs: readonly ScheduleRun[] },
  ): Promise<boolean>;
  /** Replaces a run; no error when its schedule is gone. */
  saveRun(run: ScheduleRun): Promise<void>;
  /** Newest first, by the time they were due. */
  listRuns(filter: RunFilter): Promise<readonly ScheduleRun[]>;
  /** Forgets runs that ended before `before`, but for the newest of each schedule and instance. */
  prune(before: string): Promise<void>;
}
