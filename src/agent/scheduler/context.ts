import type { Settings } from '../../config/settings.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Caller } from '../../model/access.ts';
import type { BackupSchedule, ScheduleRun } from '../../model/backup/schedule.ts';
import type { Clock } from '../../model/ports/host.ts';
import type { Notification } from '../../model/ports/notifier.ts';
import type { ScheduleBook } from '../../model/ports/schedules.ts';
import type { Application } from '../../operations/application.ts';
import type { ScheduleMetrics } from '../metrics/schedule-metrics.ts';
import type { DueTimes } from './due-times.ts';

export interface SchedulerParts {
  readonly application: Pick<Application, 'as' | 'scheduling'>;
  readonly settings: Pick<Settings, 'maxConcurrentBackups' | 'hostName'>;
  readonly metrics: ScheduleMetrics;
  /** Takes what somebody should hear of; it leaves the host on its own time. */
  readonly tell: (notification: Notification) => void;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly clock: Pick<Clock, 'now'>;
}

export interface SchedulerContext extends Omit<SchedulerParts, 'application'> {
  readonly as: Application['as'];
  readonly book: ScheduleBook;
  readonly dueTimes: DueTimes;
  /** When this scheduler was. */
  readonly startedAt: Date;
}

/** A run that is not over, and its schedule. */
export interface OpenRun {
  readonly schedule: BackupSchedule;
  readonly run: ScheduleRun;
}

/** Who made a schedule, with the rights of then; on a host's paths it does nothing. */
export function ownerOf({ owner, role }: Pick<BackupSchedule, 'owner' | 'role'>): Caller {
  return { name: owner, role, isTrustedWithPaths: false };
}

/** Fields by which a run is found again in the log. */
export function describeRun({ schedule, run }: OpenRun) {
  const { id: runId, scheduleId, instanceId, instanceName, dueAt, attempts } = run;
  return { runId, scheduleId, instanceId, instanceName, dueAt, attempts, backupType: schedule.backupType };
}
