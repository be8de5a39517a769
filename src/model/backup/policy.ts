import type { AchievedConsistency } from '../consistency.ts';
import type { BackupPolicy, BackupSchedule } from './schedule.ts';

/** What a policy looks at of a backup; null: nobody knows how consistent it is. */
export interface JudgedBackup {
  /** RFC 3339, UTC. */
  readonly createdAt: string;
  readonly consistency: AchievedConsistency | null;
}

interface Judged {
  readonly schedule: Pick<BackupSchedule, 'backupType' | 'createdAt' | 'policy'>;
  /** The newest active backup of one instance and the schedule's type. */
  readonly newest: JudgedBackup | null;
  readonly now: Date;
}

/**
 * What a schedule demands of an instance's backups and does not get, in words; null: all is well. The age counts from the
 * schedule's first day at the earliest, so that a new one is not overdue; a lesser consistency than demanded is told at once.
 */
export function judgePolicy({ schedule, newest, now }: Judged): string | null {
  const { policy, backupType } = schedule;
  if (policy === null) return null;
  const begin = Date.parse(schedule.createdAt);
  const made = newest === null ? begin : Math.max(begin, Date.parse(newest.createdAt));
  if (now.getTime() - made > policy.maxAgeMs) return describeOverdue(backupType, policy, newest);
  if (newest === null || Date.parse(newest.createdAt) < begin || isEnough(newest.consistency, policy)) return null;
  return `the newest ${backupType} backup, of ${newest.createdAt}, is ${newest.consistency ?? 'of unknown consistency'}, not ${policy.consistency}`;
}

function describeOverdue(backupType: string, { maxAgeMs }: BackupPolicy, newest: JudgedBackup | null): string {
  const last = newest === null ? 'there is none' : `the newest is of ${newest.createdAt}`;
  return `no ${backupType} backup for more than ${describeAge(maxAgeMs)}: ${last}`;
}

/** What was off or frozen is whole; what was paused lost nothing in memory of its own, but is to the guest as a power cut. */
const RANKS: Readonly<Record<AchievedConsistency, number>> = { offline: 3, quiesced: 2, paused: 1, crash: 0 };

function isEnough(achieved: AchievedConsistency | null, { consistency }: BackupPolicy): boolean {
  // who demands file systems at rest does not care which of both it is
  const needed = Math.min(RANKS[consistency], RANKS.quiesced);
  return achieved !== null && RANKS[achieved] >= needed;
}

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
] as const;

/** In the largest unit that it is a whole number of: `26 hours`, `7 days`. */
function describeAge(ms: number): string {
  const [unit, length] = UNITS.find(([, length]) => ms >= length && ms % length === 0) ?? (['millisecond', 1] as const);
  const count = ms / length;
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
