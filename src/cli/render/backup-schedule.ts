import type { Retention } from '../../model/backup/retention.ts';
import type { BackupSchedule, InstanceSelector, ScheduleRun } from '../../model/backup/schedule.ts';
import type { Output } from '../output.ts';
import { type Detail, renderDetails } from './details.ts';
import { renderTable } from './table.ts';
import { formatTime, printable } from './text.ts';

type Names = ReadonlyMap<string, string>;

export async function renderSchedules(
  output: Output,
  schedules: readonly BackupSchedule[],
  { names, now }: { readonly names: Names; readonly now: Date },
): Promise<string> {
  if (schedules.length === 0) return 'no schedules';
  const { listNextTimes } = await import('../../model/backup/cron.ts');
  const nextOf = (schedule: BackupSchedule): string => {
    const [next] = listNextTimes(schedule, now, 1);
    return next === undefined ? '-' : formatTime(next.toISOString());
  };
  const rows = schedules.map((schedule) => [
    schedule.id,
    describeSelector(schedule.selector, names),
    printable(schedule.backupType),
    `${printable(schedule.cron)} ${printable(schedule.timezone)}`,
    describeRetention(schedule.retention),
    schedule.isPaused ? output.paint('yellow', 'paused') : nextOf(schedule),
    printable(schedule.owner),
  ]);
  return await renderTable(['ID', 'INSTANCES', 'TYPE', 'WHEN', 'KEEPS', 'NEXT RUN', 'OWNER'], rows);
}

export function renderSchedule(output: Output, schedule: BackupSchedule, names: Names): string {
  return renderDetails(output, describe(output, schedule, names));
}

export async function renderScheduleWithRuns(
  output: Output,
  shown: BackupSchedule & { readonly nextRuns: readonly string[]; readonly runs: readonly ScheduleRun[] },
  { names }: { readonly names: Names },
): Promise<string> {
  const next: Detail = ['next', shown.nextRuns.map(formatTime)];
  const details = renderDetails(output, [...describe(output, shown, names), next]);
  return `${details}\n\n${await renderRuns(output, shown.runs)}`;
}

export function summarizeSchedule({ id, isPaused }: BackupSchedule): string {
  return `schedule ${id}: ${isPaused ? 'paused' : 'goes on'}`;
}

export async function renderRuns(output: Output, runs: readonly ScheduleRun[]): Promise<string> {
  if (runs.length === 0) return 'no runs yet';
  const rows = runs.map((run) => [
    formatTime(run.dueAt),
    printable(run.instanceName),
    paintStatus(output, run),
    String(run.attempts),
    run.imageId ?? '-',
    run.reason === null ? '-' : `${printable(run.reason.code)}: ${printable(run.reason.message)}`,
  ]);
  return await renderTable(['DUE', 'INSTANCE', 'STATUS', 'TRIES', 'BACKUP', 'REASON'], rows);
}

function describe(output: Output, schedule: BackupSchedule, names: Names): readonly Detail[] {
  const { policy, jitterMs, bootEvery } = schedule;
  return [
    ['id', schedule.id],
    ['instances', describeSelector(schedule.selector, names)],
    ['type', printable(schedule.backupType)],
    ['when', `${printable(schedule.cron)} ${printable(schedule.timezone)}${describeJitter(jitterMs)}`],
    ['keeps', describeRetention(schedule.retention)],
    ['consistency', schedule.consistency],
    [
      'demands',
      policy === null ? '-' : `${policy.consistency} or better, not older than ${describeSpan(policy.maxAgeMs)}`,
    ],
    ['verified', bootEvery === 0 ? '-' : bootEvery === 1 ? 'every backup is booted' : `one of ${bootEvery} is booted`],
    ['state', schedule.isPaused ? output.paint('yellow', 'paused') : output.paint('green', 'active')],
    ['owner', `${printable(schedule.owner)} (${schedule.role})`],
    ['created', formatTime(schedule.createdAt)],
  ];
}

function describeSelector(selector: InstanceSelector, names: Names): string {
  switch (selector.kind) {
    case 'instance':
      return printable(names.get(selector.instanceId) ?? selector.instanceId);
    case 'all':
      return 'all';
    case 'label':
      return `label ${printable(`${selector.key}=${selector.value}`)}`;
    default:
      return selector satisfies never;
  }
}

/** `newest 7`, or `24 hourly, 7 daily`. */
function describeRetention(retention: Retention): string {
  if (retention.kind === 'rotation') return `newest ${retention.count}`;
  const counts = Object.entries(retention.counts).filter(([, count]) => count > 0);
  return counts.map(([tier, count]) => `${count} ${tier}`).join(', ');
}

function describeJitter(jitterMs: number): string {
  return jitterMs === 0 ? '' : `, up to ${describeSpan(jitterMs)} later`;
}

/** `26h`, `90s`: as it is given on a command line. */
function describeSpan(ms: number): string {
  for (const [unit, length] of [['h', 3_600_000] as const, ['m', 60_000] as const]) {
    if (ms % length === 0) return `${ms / length}${unit}`;
  }
  return `${ms / 1000}s`;
}

const COLOURS = {
  waiting: 'yellow',
  running: 'yellow',
  verifying: 'yellow',
  succeeded: 'green',
  failed: 'red',
  skipped: 'dim',
  cancelled: 'yellow',
} as const;

function paintStatus(output: Output, { status }: ScheduleRun): string {
  return output.paint(COLOURS[status], status);
}
