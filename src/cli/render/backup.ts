import type { Backup, BackupPlan } from '../../model/backup/backup.ts';
import type { Output } from '../output.ts';
import { type Row, renderTable } from './table.ts';
import { formatBytes, formatTime, printable } from './text.ts';

export async function renderBackups(output: Output, backups: readonly Backup[]): Promise<string> {
  if (backups.length === 0) return 'no backups';
  const headings = ['ID', 'INSTANCE', 'TYPE', ...FACTS, 'KEPT FOR'];
  const rows = backups.map((backup) => [
    backup.id,
    printable(backup.instanceName ?? backup.properties['instance_uuid'] ?? '-'),
    printable(backup.properties['backup_type'] ?? '-'),
    ...describeFacts(backup),
    describeKeep(output, backup, 'nothing'),
  ]);
  return await renderTable(headings, rows);
}

/** A table for each instance and type, under a line that says whose it is and what the rule would free. */
export async function renderPlans(output: Output, plans: readonly BackupPlan[]): Promise<string> {
  if (plans.length === 0) return 'no backups that a rule is for';
  const texts = await Promise.all(plans.map((plan) => renderPlan(output, plan)));
  return texts.join('\n\n');
}

async function renderPlan(output: Output, plan: BackupPlan): Promise<string> {
  const going = plan.backups.filter(({ keep }) => keep.length === 0).length;
  const rule = plan.scheduleId === null ? 'by this rule' : `by schedule ${plan.scheduleId}`;
  const title = `${printable(plan.instanceName ?? plan.instanceId)}, ${printable(plan.backupType)}, ${rule}:`;
  const sum = `${plan.backups.length - going} stay, ${going} go, ${formatBytes(plan.freedBytes)} freed`;
  const rows = plan.backups.map((backup) => [
    backup.id,
    ...describeFacts(backup),
    describeKeep(output, backup, 'goes'),
  ]);
  const table = rows.length === 0 ? [] : [await renderTable(['ID', ...FACTS, 'KEPT FOR'], rows)];
  return [`${output.paint('bold', title)} ${sum}`, ...table].join('\n');
}

const FACTS: Row = ['NAME', 'SIZE', 'CONSISTENCY', 'BOOTED', 'CREATED'];

function describeFacts({ name, sizeBytes, consistency, bootProof, createdAt }: Backup): Row {
  return [
    printable(name),
    formatBytes(sizeBytes),
    consistency?.achieved ?? '-',
    bootProof === null ? '-' : bootProof.hasBooted ? 'yes' : 'no',
    formatTime(createdAt),
  ];
}

function describeKeep(output: Output, { keep }: Backup, nothing: string): string {
  return keep.length === 0 ? output.paint('yellow', nothing) : keep.map(printable).join(', ');
}
