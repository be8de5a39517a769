import { DarkroomError } from '../errors.ts';
import type { Retention } from './retention.ts';

export const BACKUP_TYPE = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/;
export const MOST_KEPT = 10_000;

/** INVALID_REQUEST unless backups may be of that type: it is a word that stands in names and commands. */
export function requireBackupType(type: string): void {
  if (BACKUP_TYPE.test(type)) return;
  throw invalid(
    `A backup type is 1 to 63 of the characters A-Z a-z 0-9 _ . - and begins with a letter or digit, not ${JSON.stringify(type)}.`,
  );
}

/** INVALID_REQUEST unless its counts are whole numbers, its time zone is known, and tiers keep something. */
export function requireRetention(retention: Retention): void {
  if (retention.kind === 'rotation') {
    requireCount('rotation', retention.count);
    return;
  }
  const counts = Object.entries(retention.counts);
  for (const [tier, count] of counts) requireCount(`keep-${tier}`, count);
  if (counts.every(([, count]) => count === 0))
    throw invalid('A rule of tiers keeps at least one backup of one of them.');
  requireTimezone(retention.timezone);
}

function requireCount(what: string, count: number): void {
  if (Number.isSafeInteger(count) && count >= 0 && count <= MOST_KEPT) return;
  throw invalid(`${what} is a whole number from 0 to ${MOST_KEPT}, not ${String(count)}.`);
}

export function requireTimezone(timezone: string): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone: timezone });
  } catch {
    throw invalid(`${JSON.stringify(timezone)} is no time zone: it is called like Europe/Berlin, or UTC.`);
  }
}

function invalid(message: string): DarkroomError {
  return new DarkroomError('INVALID_REQUEST', message);
}
