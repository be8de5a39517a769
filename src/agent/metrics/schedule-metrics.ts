import { Counter, Gauge, type Registry } from 'prom-client';
import { isOpen, RUN_STATUSES, type RunStatus } from '../../model/backup/schedule.ts';

export interface OverdueBackup {
  readonly instance: { readonly id: string; readonly name: string };
  readonly backupType: string;
  readonly isOverdue: boolean;
}

export interface NextRun {
  readonly scheduleId: string;
  readonly next: Date;
}

/** What the scheduler tells of its work. */
export interface ScheduleMetrics {
  /** A run is over. */
  countRun(status: RunStatus): void;
  /** All that something is demanded of. */
  showOverdue(watched: readonly OverdueBackup[]): void;
  /** All that are not paused. */
  showNextRuns(next: readonly NextRun[]): void;
}

export function createScheduleMetrics(registry: Registry): ScheduleMetrics {
  const registers = [registry];
  const runs = new Counter({
    name: 'darkroom_schedule_runs_total',
    help: 'Backups of schedules that are over, by what became of them.',
    labelNames: ['status'] as const,
    registers,
  });
  const overdue = new Gauge({
    name: 'darkroom_backup_overdue',
    help: 'Whether the backups of an instance are not what a schedule demands of them.',
    labelNames: ['instance_id', 'instance_name', 'backup_type'] as const,
    registers,
  });
  const next = new Gauge({
    name: 'darkroom_schedule_next_run_timestamp_seconds',
    help: 'When a backup schedule is due next; none for one that is paused.',
    labelNames: ['schedule'] as const,
    registers,
  });
  for (const status of RUN_STATUSES) if (!isOpen({ status })) runs.inc({ status }, 0);
  return {
    countRun: (status) => runs.inc({ status }),
    showOverdue: (watched) => {
      overdue.reset();
      // two schedules may demand something of the same backups: one that is not met is enough
      for (const { instance, backupType, isOverdue } of watched) {
        const labels = { instance_id: instance.id, instance_name: instance.name, backup_type: backupType };
        if (isOverdue) overdue.set(labels, 1);
        else overdue.inc(labels, 0);
      }
    },
    showNextRuns: (all) => {
      next.reset();
      for (const { scheduleId, next: at } of all) next.set({ schedule: scheduleId }, at.getTime() / 1000);
    },
  };
}
