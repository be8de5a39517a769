import type { Role } from '../access.ts';
import type { AchievedConsistency, RequestedConsistency } from '../consistency.ts';
import type { CronTimes } from './cron.ts';
import type { Retention } from './retention.ts';

/** Which instances a schedule backs up: one by its id, all of the host, or those that carry a label. */
export type InstanceSelector =
  | { readonly kind: 'instance'; readonly instanceId: string }
  | { readonly kind: 'all' }
  | { readonly kind: 'label'; readonly key: string; readonly value: string };

/** What a backup must be, and how old the last one of that kind may become before somebody is told. */
export interface BackupPolicy {
  readonly consistency: AchievedConsistency;
  readonly maxAgeMs: number;
}

/** A rule by which the agent of one host makes backups, as `--json` prints it. */
export interface BackupSchedule extends CronTimes {
  readonly id: string;
  readonly selector: InstanceSelector;
  readonly backupType: string;
  readonly retention: Retention;
  readonly consistency: RequestedConsistency;
  /** null: nothing is demanded. */
  readonly policy: BackupPolicy | null;
  /** Each backup begins up to that much later than its time, by an amount of its own that is always the same. */
  readonly jitterMs: number;
  /** Every nth backup of an instance is booted from a throw-away overlay; 1: every one, 0: none. */
  readonly bootEvery: number;
  readonly isPaused: boolean;
  /** On whose behalf it runs. */
  readonly owner: string;
  readonly role: Role;
  /** RFC 3339, UTC. */
  readonly createdAt: string;
  /** What was due until then has been dealt with. */
  readonly handledUntil: string;
}

/** skipped: the instance was shelved, gone, or its last run went on still; missed runs of a downtime are one run. */
export const RUN_STATUSES = ['waiting', 'running', 'verifying', 'succeeded', 'failed', 'skipped', 'cancelled'] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];
/** An instance has one of these at most of each schedule. */
export const OPEN_RUN_STATUSES = ['waiting', 'running', 'verifying'] as const satisfies readonly RunStatus[];

export function isOpen({ status }: Pick<ScheduleRun, 'status'>): boolean {
  return OPEN_RUN_STATUSES.some((open) => open === status);
}

/** One backup of one instance that a schedule asked for. */
export interface ScheduleRun {
  readonly id: string;
  readonly scheduleId: string;
  readonly instanceId: string;
  readonly instanceName: string;
  /** RFC 3339, UTC: the time by the schedule. */
  readonly dueAt: string;
  readonly status: RunStatus;
  /** When it begins, or is tried again; null once it is over. */
  readonly startAt: string | null;
  /** Tries so far. */
  readonly attempts: number;
  /** Of the last try. */
  readonly operationId: string | null;
  /** What it made. */
  readonly imageId: string | null;
  /** The how many-th good backup of this schedule and instance it made; absent where it made none. */
  readonly goodBackups?: number;
  /** Why it failed or was skipped: a code and a message. */
  readonly reason: { readonly code: string; readonly message: string } | null;
  readonly endedAt: string | null;
}
