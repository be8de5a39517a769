import { DarkroomError } from '../../model/errors.ts';

const TIERS = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;
type Tier = (typeof TIERS)[number];

const count = (describe: string) => ({ type: 'string', requiresArg: true, describe }) as const;

/** What is kept: one rule of two kinds. */
export const RETENTION_OPTIONS = {
  rotation: count('Keep the newest N of this type; 0: not even the new one'),
  'keep-hourly': count('Keep the last one of each of the newest N hours that have one'),
  'keep-daily': count('The same of days'),
  'keep-weekly': count('The same of weeks, which begin on Monday'),
  'keep-monthly': count('The same of months'),
  'keep-yearly': count('The same of years'),
};

export const TYPE_OPTION = {
  type: 'string',
  requiresArg: true,
  describe: 'Backups of one instance are kept by their type, such as daily',
} as const;

export const TIMEZONE_OPTION = {
  type: 'string',
  requiresArg: true,
  describe: "By whose clock, such as Europe/Berlin; without it this machine's",
} as const;

export interface RetentionFlags {
  readonly rotation?: string | undefined;
  readonly keepHourly?: string | undefined;
  readonly keepDaily?: string | undefined;
  readonly keepWeekly?: string | undefined;
  readonly keepMonthly?: string | undefined;
  readonly keepYearly?: string | undefined;
  readonly timezone?: string | undefined;
}

/** As the API takes it. */
export type Rule =
  | { readonly rotation: number }
  | { readonly keep: { readonly [Key in Tier]?: number } & { readonly timezone: string } };

/** INVALID_REQUEST unless there is one rule, in whole numbers. */
export function requireRule(flags: RetentionFlags): Rule {
  const rule = readRule(flags);
  if (rule === null)
    throw invalid('rotation', 'What is kept must be said: --rotation N, or --keep-daily N and the like.');
  return rule;
}

/** null: none is given. */
export function readRule(flags: RetentionFlags): Rule | null {
  const { rotation, keepHourly, keepDaily, keepWeekly, keepMonthly, keepYearly } = flags;
  const texts = { hourly: keepHourly, daily: keepDaily, weekly: keepWeekly, monthly: keepMonthly, yearly: keepYearly };
  const counts: { [Key in Tier]?: number } = {};
  for (const tier of TIERS) {
    const text = texts[tier];
    if (text !== undefined) counts[tier] = parseCount(`keep-${tier}`, text);
  }
  const hasTiers = Object.keys(counts).length > 0;
  if (rotation === undefined) return hasTiers ? { keep: { ...counts, timezone: zoneOf(flags) } } : null;
  if (hasTiers) throw invalid('rotation', '--rotation and --keep-… are two rules: give one of them.');
  return { rotation: parseCount('rotation', rotation) };
}

export function zoneOf({ timezone }: Pick<RetentionFlags, 'timezone'>): string {
  return timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
}

function parseCount(option: string, text: string): number {
  if (/^[0-9]{1,5}$/.test(text)) return Number(text);
  throw invalid(option, `--${option} is a whole number, 0 or more, not '${text}'.`);
}

function invalid(field: string, message: string): DarkroomError {
  return new DarkroomError('INVALID_REQUEST', message, { fields: { field } });
}
