import type { AchievedConsistency } from '../consistency.ts';
import type { Image } from '../image.ts';

/** A backup as `--json` prints it: its image, and what keeps it. */
export type Backup = Image & {
  /** Of the instance that it was made of, as libvirt or the shelf knows it; null when nobody does. */
  readonly instanceName: string | null;
  /** Such as `daily-2` or `rotation-1` by the schedules of its instance, `protected`, `no rule`; none: the next backup lets it go. */
  readonly keep: readonly string[];
};

/** What a rule would do to one instance's backups of one type. */
export interface BackupPlan {
  readonly instanceId: string;
  /** As libvirt or the shelf knows it; null when nobody does. */
  readonly instanceName: string | null;
  readonly backupType: string;
  /** null: a rule that was given. */
  readonly scheduleId: string | null;
  readonly backups: readonly Backup[];
  /** Bytes that would be free once those without a reason were gone. */
  readonly freedBytes: number;
}

/** One day of an instance, for a picture: the best that it got. Of a backup that is gone since nobody knows how consistent it was. */
export type BackupDay =
  | { readonly date: string; readonly outcome: 'good'; readonly consistency: AchievedConsistency | null }
  | { readonly date: string; readonly outcome: 'failed' | 'skipped' | 'none' };

/** How well one instance is backed up, as `--json` prints it. */
export interface BackupStatus {
  readonly instanceId: string;
  readonly instanceName: string | null;
  /** The newest active one; null: none. */
  readonly lastBackup: {
    readonly imageId: string;
    readonly backupType: string;
    readonly createdAt: string;
    readonly ageMs: number;
    readonly consistency: AchievedConsistency | null;
  } | null;
  /** The newest backup that was booted: when, and whether it came up. */
  readonly lastBoot: { readonly imageId: string; readonly at: string; readonly hasBooted: boolean } | null;
  /** RFC 3339: by its schedules, or of a run that waits; null: no schedule, or none that is not paused. */
  readonly nextRunAt: string | null;
  readonly scheduleIds: readonly string[];
  /** Runs that failed since the last one that did not. */
  readonly failures: number;
  readonly lastFailure: { readonly at: string; readonly code: string; readonly message: string } | null;
  /** Policies that are not met, in words; none: all is well. */
  readonly alerts: readonly string[];
  /** Oldest first, today last; UTC days. */
  readonly days: readonly BackupDay[];
}
