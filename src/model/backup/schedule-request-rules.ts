import { DarkroomError } from '../errors.ts';
import type { CreateScheduleRequest } from '../requests.ts';
import { requireBackupType, requireRetention } from './backup-request-rules.ts';
import { requireCronTimes } from './cron.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const LONGEST_JITTER_MS = DAY_MS;
const LONGEST_AGE_MS = 3650 * DAY_MS;
const RAREST_BOOT = 1000;

/** INVALID_REQUEST unless all but the instance can be what a schedule says, and it keeps what it makes. */
export function requireScheduleRequest(request: CreateScheduleRequest, now: Date): void {
  requireBackupType(request.backupType);
  requireRetention(request.retention);
  if (request.retention.kind === 'rotation' && request.retention.count === 0)
    throw invalid('A schedule keeps at least one backup: with a rotation of 0 it would delete each one that it makes.');
  requireCronTimes(request, now);
  requireLabel(request.selector);
  requireWhole(request.jitterMs, { from: 0, to: LONGEST_JITTER_MS, what: 'The jitter, in milliseconds,' });
  requireWhole(request.bootEvery, { from: 0, to: RAREST_BOOT, what: 'How many backups share one boot test' });
  if (request.policy !== null)
    requireWhole(request.policy.maxAgeMs, {
      from: MINUTE_MS,
      to: LONGEST_AGE_MS,
      what: 'How old a backup may become, in milliseconds,',
    });
}

function requireLabel(selector: CreateScheduleRequest['selector']): void {
  if (selector.kind !== 'label' || (selector.key !== '' && selector.value !== '')) return;
  throw invalid('A label has a key and a value.');
}

interface Range {
  readonly from: number;
  readonly to: number;
  readonly what: string;
}

function requireWhole(value: number, { from, to, what }: Range): void {
  if (Number.isSafeInteger(value) && value >= from && value <= to) return;
  throw invalid(`${what} is a whole number from ${from} to ${to}, not ${value}.`);
}

function invalid(message: string): DarkroomError {
  return new DarkroomError('INVALID_REQUEST', message);
}
