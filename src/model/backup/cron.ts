import { Cron } from 'croner';
import { DarkroomError } from '../errors.ts';
import { requireTimezone } from './backup-request-rules.ts';

/** When something is due: five fields as in crontab(5), or a nickname such as @daily, by the wall clock of a time zone. */
export interface CronTimes {
  readonly cron: string;
  /** IANA name. */
  readonly timezone: string;
}

/** INVALID_REQUEST unless both can be read and there is a next time. */
export function requireCronTimes(times: CronTimes, now: Date): void {
  // an empty one would be taken for that of this process
  requireTimezone(times.timezone);
  const fields = times.cron.trim().split(/\s+/).length;
  if (fields !== 5 && !/^@[a-z]+$/.test(times.cron)) {
    throw invalid(times, 'it has five fields: minute, hour, day of the month, month, day of the week');
  }
  let next: Date | null;
  try {
    next = parse(times).nextRun(now);
  } catch (error) {
    throw invalid(times, error instanceof Error ? error.message : String(error));
  }
  if (next === null) throw invalid(times, 'there is no such day');
}

/** The next times after `after`, at most `count`. */
export function listNextTimes(times: CronTimes, after: Date, count: number): readonly Date[] {
  return parse(times).nextRuns(count, after);
}

/**
 * The last time in (after, until], null when there is none. A time that a clock jumps over in spring is taken right after;
 * one that it shows twice in autumn is taken once.
 */
export function findLastTime(times: CronTimes, after: Date, until: Date): Date | null {
  // croner looks for times before a whole second, so the one after `until` may come first
  const last = parse(times)
    .previousRuns(2, new Date(until.getTime() + 1_000))
    .find((time) => time <= until);
  return last !== undefined && last > after ? last : null;
}

function parse({ cron, timezone }: CronTimes): Cron {
  return new Cron(cron, { timezone, paused: true });
}

function invalid({ cron, timezone }: CronTimes, why: string): DarkroomError {
  return new DarkroomError(
    'INVALID_REQUEST',
    `The schedule ${JSON.stringify(cron)} in ${timezone} cannot be used: ${why}.`,
  );
}
