import type { CreateScheduleBody } from '../../../api/schemas/schedules.ts';
import type { AchievedConsistency } from '../../../model/consistency.ts';
import { DarkroomError } from '../../../model/errors.ts';
import { parseDuration } from '../../parse-duration.ts';

interface SelectorFlags {
  readonly instance?: string | undefined;
  readonly all: boolean;
  readonly label?: string | undefined;
}

/** INVALID_REQUEST unless instances are named in one way. */
export function readSelector({ instance, all, label }: SelectorFlags): CreateScheduleBody['selector'] {
  const ways = [instance !== undefined, all, label !== undefined].filter(Boolean);
  if (ways.length !== 1) throw invalid('instance', 'Name one instance, or give --all, or --label KEY=VALUE.');
  if (instance !== undefined) return { kind: 'instance', instance };
  if (label === undefined) return { kind: 'all' };
  const at = label.indexOf('=');
  if (at <= 0) throw invalid('label', `--label '${label}' is not of the form KEY=VALUE.`);
  return { kind: 'label', key: label.slice(0, at), value: label.slice(at + 1) };
}

interface PolicyFlags {
  readonly require?: AchievedConsistency | undefined;
  readonly maxAge?: string | undefined;
}

/** Without a level any backup will do. */
export function readPolicy({ require: level, maxAge }: PolicyFlags): CreateScheduleBody['policy'] {
  if (maxAge !== undefined) return { consistency: level ?? 'crash', maxAgeMs: parseDuration('max-age', maxAge) };
  if (level !== undefined) throw invalid('max-age', '--require needs --max-age: how old the newest backup may become.');
  return null;
}

export function readJitter({ jitter }: { readonly jitter?: string | undefined }): number {
  return jitter === undefined ? 0 : parseDuration('jitter', jitter);
}

/** `boot`: every one; `boot:7`: every seventh; absent: none. */
export function parseBootEvery(text: string | undefined): number {
  if (text === undefined) return 0;
  const [, every = '1'] = /^boot(?::([1-9][0-9]{0,3}))?$/.exec(text) ?? failVerify(text);
  return Number(every);
}

function failVerify(text: string): never {
  throw invalid('verify', `--verify is boot, or boot:N for every Nth backup, not '${text}'.`);
}

function invalid(field: string, message: string): DarkroomError {
  return new DarkroomError('INVALID_REQUEST', message, { fields: { field } });
}
