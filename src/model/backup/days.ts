import type { AchievedConsistency } from '../consistency.ts';
import type { BackupDay } from './backup.ts';
import type { ScheduleRun } from './schedule.ts';

const DAY_MS = 86_400_000;

export interface Period {
  /** UTC days, today last. */
  readonly days: number;
  readonly now: Date;
}

/** What there is to know of an instance's days. */
export interface DayFacts {
  /** Those that can be used. */
  readonly backups: readonly {
    readonly id: string;
    readonly createdAt: string;
    readonly consistency: AchievedConsistency | null;
    /** It was tried, and did not come up. */
    readonly isUnbootable: boolean;
  }[];
  readonly runs: readonly Pick<ScheduleRun, 'dueAt' | 'status' | 'imageId'>[];
}

/** A row of days, oldest first, each the best that it got. A backup that was made and is gone by now was good, but nobody knows how. */
export function drawUpDays({ backups, runs }: DayFacts, { days, now }: Period): readonly BackupDay[] {
  const best = new Map<string, BackupDay>();
  const offer = (day: BackupDay): void => {
    const known = best.get(day.date);
    if (known === undefined || worthOf(day) > worthOf(known)) best.set(day.date, day);
  };
  const kept = new Set(backups.map(({ id }) => id));
  for (const { createdAt, consistency, isUnbootable } of backups) {
    const date = dateOf(createdAt);
    offer(isUnbootable ? { date, outcome: 'failed' } : { date, outcome: 'good', consistency });
  }
  for (const run of runs) {
    const isCounted = run.imageId !== null && kept.has(run.imageId);
    if (!isCounted) offer(dayOf(run));
  }
  return listDates(now, days).map((date) => best.get(date) ?? { date, outcome: 'none' });
}

/** Of the time it was due, whenever it came to be made. */
function dayOf({ dueAt, status }: Pick<ScheduleRun, 'dueAt' | 'status'>): BackupDay {
  const date = dateOf(dueAt);
  switch (status) {
    case 'succeeded':
      return { date, outcome: 'good', consistency: null };
    case 'failed':
      return { date, outcome: 'failed' };
    case 'skipped':
    case 'cancelled':
      return { date, outcome: 'skipped' };
    case 'waiting':
    case 'running':
    case 'verifying':
      return { date, outcome: 'none' };
    default:
      return status satisfies never;
  }
}

const WORTH = { quiesced: 8, offline: 7, paused: 6, crash: 5, unknown: 4, failed: 3, skipped: 2, none: 1 } as const;

function worthOf(day: BackupDay): number {
  return day.outcome === 'good' ? WORTH[day.consistency ?? 'unknown'] : WORTH[day.outcome];
}

function listDates(now: Date, days: number): readonly string[] {
  return Array.from({ length: days }, (_, index) =>
    dateOf(new Date(now.getTime() - (days - 1 - index) * DAY_MS).toISOString()),
  );
}

function dateOf(timestamp: string): string {
  return timestamp.slice(0, 10);
}
