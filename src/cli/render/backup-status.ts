import type { BackupStatus } from '../../model/backup/backup.ts';
import type { Output } from '../output.ts';
import { drawDays, drawLegend, type PictureOptions } from './backup-picture.ts';
import { type Row, renderTable } from './table.ts';
import { formatTime, printable } from './text.ts';

interface StatusOptions extends PictureOptions {
  readonly now: Date;
}

/** A row of days for each instance, what the signs mean, then what is wrong. */
export async function renderStatuses(
  output: Output,
  statuses: readonly BackupStatus[],
  options: StatusOptions,
): Promise<string> {
  const [first] = statuses;
  if (first === undefined) return 'no instances';
  const rows = statuses.map((status) => describe(output, status, options));
  const headings = ['INSTANCE', nameDays(first), 'LAST BACKUP', 'CONSISTENCY', 'BOOTED', 'NEXT RUN', 'FAILURES'];
  const legend = `${drawLegend(output, options)} (days in UTC)`;
  const wrong = statuses.flatMap((status) => [...listAlerts(output, status), ...describeFailure(output, status)]);
  return [await renderTable(headings, rows), '', legend, ...(wrong.length === 0 ? [] : ['', ...wrong])].join('\n');
}

/** `11-08 to 11-21`, as wide as the row of days or wider. */
function nameDays({ days }: BackupStatus): string {
  const [first, last] = [days.at(0)?.date.slice(5) ?? '', days.at(-1)?.date.slice(5) ?? ''];
  return days.length > 1 ? `${first} to ${last}` : last;
}

function describe(output: Output, status: BackupStatus, options: StatusOptions): Row {
  const { lastBackup, lastBoot, nextRunAt, failures } = status;
  return [
    nameOf(status),
    drawDays(output, status.days, options),
    lastBackup === null ? 'never' : `${describeAge(lastBackup.ageMs)} ago`,
    lastBackup?.consistency ?? '-',
    lastBoot === null ? '-' : describeBoot(output, lastBoot, options.now),
    nextRunAt === null ? '-' : formatTime(nextRunAt),
    failures === 0 ? '-' : output.paint('red', String(failures)),
  ];
}

function describeBoot(output: Output, boot: NonNullable<BackupStatus['lastBoot']>, now: Date): string {
  const age = describeAge(Math.max(0, now.getTime() - Date.parse(boot.at)));
  return boot.hasBooted ? `${age} ago` : output.paint('red', `failed ${age} ago`);
}

function listAlerts(output: Output, status: BackupStatus): readonly string[] {
  return status.alerts.map((alert) => `${output.paint('red', 'alert')}: ${nameOf(status)}: ${printable(alert)}`);
}

function describeFailure(output: Output, status: BackupStatus): readonly string[] {
  const { failures, lastFailure } = status;
  if (failures === 0 || lastFailure === null) return [];
  const reason = `${printable(lastFailure.code)}: ${printable(lastFailure.message)}`;
  return [`${output.paint('yellow', 'failed')}: ${nameOf(status)}: at ${formatTime(lastFailure.at)}: ${reason}`];
}

function nameOf({ instanceName, instanceId }: BackupStatus): string {
  return instanceName === null ? instanceId : printable(instanceName);
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
] as const;

/** `3 d`, `26 h`, `5 min`: days from two on. */
function describeAge(ms: number): string {
  for (const [unit, length] of UNITS) {
    if (ms >= (unit === 'd' ? 2 * length : length)) return `${Math.floor(ms / length)} ${unit}`;
  }
  return 'less than 1 min';
}
