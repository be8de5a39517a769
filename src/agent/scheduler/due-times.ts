import { listNextTimes } from '../../model/backup/cron.ts';
import type { BackupSchedule } from '../../model/backup/schedule.ts';

export interface DueTimes {
  /** The first time of a schedule after what was dealt with; null: there is none. */
  next(schedule: BackupSchedule): Date | null;
  /** The first one after `now`, whatever was dealt with. */
  nextAfter(schedule: BackupSchedule, now: Date): Date | null;
  /** Those of other schedules are forgotten. */
  keepOnly(schedules: readonly BackupSchedule[]): void;
}

interface Known {
  readonly handledUntil: string;
  readonly next: Date | null;
}

/** Looks far ahead cost much and are asked for at every turn: what is known of each schedule is remembered. */
export function createDueTimes(): DueTimes {
  const known = new Map<string, Known>();
  const next = (schedule: BackupSchedule): Date | null => {
    const { id, handledUntil } = schedule;
    const before = known.get(id);
    if (before?.handledUntil === handledUntil) return before.next;
    const found = { handledUntil, next: firstAfter(schedule, new Date(handledUntil)) };
    known.set(id, found);
    return found.next;
  };
  return {
    next,
    nextAfter: (schedule, now) => {
      const first = next(schedule);
      return first === null || (first > now && new Date(schedule.handledUntil) <= now)
        ? first
        : firstAfter(schedule, now);
    },
    keepOnly: (schedules) => {
      const ids = new Set(schedules.map(({ id }) => id));
      for (const id of known.keys()) if (!ids.has(id)) known.delete(id);
    },
  };
}

function firstAfter(schedule: BackupSchedule, after: Date): Date | null {
  return listNextTimes(schedule, after, 1)[0] ?? null;
}
