import { findLastTime, listNextTimes } from '../../model/backup/cron.ts';
import type { BackupSchedule } from '../../model/backup/schedule.ts';

export interface DueTimes {
  /** The first time of a schedule after what was dealt with; null: there is none. */
  next(schedule: BackupSchedule): Date | null;
  /** The first one after `now`, whatever was dealt with. */
  nextAfter(schedule: BackupSchedule, now: Date): Date | null;
  /** The last one that was not dealt with by now; null: there is none. */
  last(schedule: BackupSchedule, now: Date): Date | null;
  /** Those of other schedules are forgotten. */
  keepOnly(schedules: readonly BackupSchedule[]): void;
}

/** There is no time of the schedule between these two. */
interface Gap {
  readonly from: Date;
  readonly next: Date | null;
}

/** Looks into a calendar cost much and are made at every turn: what was found last of each schedule is remembered. */
export function createDueTimes(): DueTimes {
  const gaps = new Map<string, Gap>();
  const nextAfter = (schedule: BackupSchedule, after: Date): Date | null => {
    const known = gaps.get(schedule.id);
    if (known !== undefined && known.from <= after && (known.next === null || after < known.next)) return known.next;
    const next = listNextTimes(schedule, after, 1)[0] ?? null;
    gaps.set(schedule.id, { from: after, next });
    return next;
  };
  const next = (schedule: BackupSchedule): Date | null => nextAfter(schedule, new Date(schedule.handledUntil));
  return {
    next,
    nextAfter,
    last: (schedule, now) => {
      const first = next(schedule);
      if (first === null || first > now) return null;
      const second = nextAfter(schedule, first);
      return second === null || second > now ? first : findLastTime(schedule, first, now);
    },
    keepOnly: (schedules) => {
      const ids = new Set(schedules.map(({ id }) => id));
      for (const id of gaps.keys()) if (!ids.has(id)) gaps.delete(id);
    },
  };
}
