import type { BackupSchedule, InstanceSelector } from '../../model/backup/schedule.ts';
import type { AchievedConsistency } from '../../model/consistency.ts';

/** Stand-in for model/backup/selector.ts. */
export function covers(
  selector: InstanceSelector,
  instance: { readonly id: string; readonly labels?: Readonly<Record<string, string>> },
): boolean {
  switch (selector.kind) {
    case 'instance':
      return selector.instanceId === instance.id;
    case 'all':
      return true;
    case 'label':
      return instance.labels?.[selector.key] === selector.value;
    default:
      return selector satisfies never;
  }
}

const RANKS: Readonly<Record<AchievedConsistency, number>> = { crash: 0, paused: 1, quiesced: 2, offline: 3 };

/** Stand-in for model/backup/policy.ts. */
export function judgePolicy({
  schedule,
  newest,
  now,
}: {
  readonly schedule: Pick<BackupSchedule, 'policy' | 'createdAt'>;
  readonly newest: { readonly createdAt: string; readonly consistency: AchievedConsistency | null } | null;
  readonly now: Date;
}): string | null {
  const { policy } = schedule;
  if (policy === null) return null;
  const isOld = (since: string): boolean => now.getTime() - Date.parse(since) > policy.maxAgeMs;
  if (newest === null) return isOld(schedule.createdAt) ? 'there is no backup' : null;
  if (isOld(newest.createdAt)) return `the last backup is of ${newest.createdAt}`;
  const isGood = newest.consistency !== null && RANKS[newest.consistency] >= RANKS[policy.consistency];
  return isGood ? null : `the last backup is ${newest.consistency}, not ${policy.consistency}`;
}
