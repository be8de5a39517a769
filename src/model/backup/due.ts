import { createHash } from 'node:crypto';
import type { BackupSchedule, ScheduleRun } from './schedule.ts';

const MINUTE_MS = 60_000;
/** The latest that a retry may be put off. */
const LONGEST_RETRY_MS = 60 * MINUTE_MS;

/**
 * set-back: the clock shows less than what was dealt with already; passed: its time came while it was paused; due: its last
 * time came, however many came before it.
 */
export type Due =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'set-back' }
  | { readonly kind: 'passed' }
  | { readonly kind: 'due'; readonly dueAt: Date };

export interface DueInstance {
  readonly id: string;
  readonly name: string;
  readonly isShelved: boolean;
}

/** `lastTime`: the last one by the schedule that was not dealt with; null: there is none. */
export function judgeDue(
  schedule: Pick<BackupSchedule, 'handledUntil' | 'isPaused'>,
  { now, lastTime }: { readonly now: Date; readonly lastTime: Date | null },
): Due {
  if (Date.parse(schedule.handledUntil) > now.getTime() + MINUTE_MS) return { kind: 'set-back' };
  if (lastTime === null) return { kind: 'nothing' };
  return schedule.isPaused ? { kind: 'passed' } : { kind: 'due', dueAt: lastTime };
}

export interface DueFacts {
  readonly dueAt: Date;
  readonly now: Date;
  readonly instances: readonly DueInstance[];
  /** Whose last run of this schedule is not over. */
  readonly busyIds: ReadonlySet<string>;
  readonly newId: () => string;
}

/** One run for each instance, over already where it cannot be done; for a schedule of one that is gone, one that says so. */
export function planRuns(schedule: BackupSchedule, facts: DueFacts): readonly ScheduleRun[] {
  const { selector } = schedule;
  if (facts.instances.length > 0) return facts.instances.map((instance) => planRun(schedule, instance, facts));
  if (selector.kind !== 'instance') return [];
  const { now } = facts;
  const gone = { id: selector.instanceId, name: selector.instanceId, isShelved: false };
  return [skip(newRun(schedule, gone, facts), { now, code: 'INSTANCE_NOT_FOUND', message: 'The instance is gone.' })];
}

function planRun(schedule: BackupSchedule, instance: DueInstance, facts: DueFacts): ScheduleRun {
  const run = newRun(schedule, instance, facts);
  const { now, busyIds } = facts;
  if (busyIds.has(instance.id))
    return skip(run, { now, code: 'SCHEDULE_BUSY', message: 'The run before it was not over yet.' });
  if (instance.isShelved) return skip(run, { now, code: 'INSTANCE_STATE', message: 'The instance is shelved.' });
  return run;
}

function newRun(schedule: BackupSchedule, instance: DueInstance, { dueAt, now, newId }: DueFacts): ScheduleRun {
  // missed runs of a downtime do not all begin at once either
  const base = now.getTime() - dueAt.getTime() > MINUTE_MS ? now : dueAt;
  const startAt = new Date(base.getTime() + jitterOf(schedule, instance.id));
  return {
    id: newId(),
    scheduleId: schedule.id,
    instanceId: instance.id,
    instanceName: instance.name,
    dueAt: dueAt.toISOString(),
    status: 'waiting',
    startAt: startAt.toISOString(),
    attempts: 0,
    operationId: null,
    imageId: null,
    reason: null,
    endedAt: null,
  };
}

function skip(
  run: ScheduleRun,
  { now, code, message }: { readonly now: Date; readonly code: string; readonly message: string },
): ScheduleRun {
  return { ...run, status: 'skipped', startAt: null, endedAt: now.toISOString(), reason: { code, message } };
}

/** How much later than its time a schedule begins with an instance: always the same, and spread evenly. */
export function jitterOf({ id, jitterMs }: Pick<BackupSchedule, 'id' | 'jitterMs'>, instanceId: string): number {
  if (jitterMs === 0) return 0;
  return createHash('sha256').update(`${id}/${instanceId}`).digest().readUInt32BE(0) % jitterMs;
}

/** When a waiting run begins: as noted, or at once where that lies so far ahead that a clock was wrong when it was. */
export function findStart(run: ScheduleRun, { jitterMs }: Pick<BackupSchedule, 'jitterMs'>, now: Date): Date {
  const startAt = new Date(run.startAt ?? run.dueAt);
  const latestMs = now.getTime() + Math.max(jitterMs, LONGEST_RETRY_MS) + MINUTE_MS;
  return startAt.getTime() > latestMs ? now : startAt;
}

/** What the image of a run is called; the same at every try. */
export function nameBackup(
  { instanceName, dueAt }: Pick<ScheduleRun, 'instanceName' | 'dueAt'>,
  backupType: string,
): string {
  const time = dueAt.replaceAll(/[-:]/g, '').replace(/^(\d{8}T\d{4}).*$/, '$1Z');
  const end = `-${backupType}-${time}`;
  return [...instanceName].slice(0, 255 - end.length).join('') + end;
}
