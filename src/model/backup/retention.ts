/** How many points in time of each length of period are kept; 0: none for its own sake. */
export interface TierCounts {
  readonly hourly: number;
  readonly daily: number;
  readonly weekly: number;
  readonly monthly: number;
  readonly yearly: number;
}

/** rotation: the newest `count`, as in OpenStack; tiers: the last one of each of the newest periods that have one. */
export type Retention =
  | { readonly kind: 'rotation'; readonly count: number }
  | { readonly kind: 'tiers'; readonly counts: TierCounts; readonly timezone: string };

/** What a rule looks at. All of one instance and one backup type. */
export interface RetainedBackup {
  readonly id: string;
  /** RFC 3339, UTC. */
  readonly createdAt: string;
  /** Only active ones count, and only they may go. */
  readonly isActive: boolean;
  readonly isProtected: boolean;
}

export interface RetentionDecision<Backup extends RetainedBackup> {
  readonly backup: Backup;
  /** Why it stays, such as `rotation-1`, `daily-3`, `protected`, `not active`; none: it goes. */
  readonly keep: readonly string[];
}

/** What each backup is kept for; newest first. A protected one takes its place in every count, and stays beyond it. */
export function planRetention<Backup extends RetainedBackup>(
  backups: readonly Backup[],
  retention: Retention,
): readonly RetentionDecision<Backup>[] {
  const sorted = [...backups].sort(newestFirst);
  const reasons = reasonsOf(
    sorted.filter(({ isActive }) => isActive),
    retention,
  );
  return sorted.map((backup) => ({
    backup,
    keep: [
      ...(backup.isActive ? (reasons.get(backup.id) ?? []) : ['not active']),
      ...(backup.isProtected ? ['protected'] : []),
    ],
  }));
}

function newestFirst(a: RetainedBackup, b: RetainedBackup): number {
  return Date.parse(b.createdAt) - Date.parse(a.createdAt) || (a.id < b.id ? 1 : -1);
}

type Reasons = ReadonlyMap<string, readonly string[]>;

function reasonsOf(sorted: readonly RetainedBackup[], retention: Retention): Reasons {
  switch (retention.kind) {
    case 'rotation':
      return new Map(sorted.slice(0, retention.count).map(({ id }, index) => [id, [`rotation-${index + 1}`]]));
    case 'tiers':
      return tierReasons(sorted, retention);
    default:
      return retention satisfies never;
  }
}

const TIERS = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;
type Tier = (typeof TIERS)[number];

function tierReasons(
  sorted: readonly RetainedBackup[],
  { counts, timezone }: Extract<Retention, { kind: 'tiers' }>,
): Reasons {
  const periodsOf = createCalendar(timezone);
  const dated = sorted.map(({ id, createdAt }) => ({ id, periods: periodsOf(new Date(createdAt)) }));
  const reasons = new Map<string, string[]>();
  for (const tier of TIERS) {
    const seen = new Set<string>();
    for (const { id, periods } of dated) {
      const period = periods[tier];
      if (seen.has(period)) continue;
      if (seen.size === counts[tier]) break;
      seen.add(period);
      reasons.set(id, [...(reasons.get(id) ?? []), `${tier}-${seen.size}`]);
    }
  }
  return reasons;
}

/**
 * Names of the periods that an instant lies in, by the wall clock of a time zone. Hours that a clock goes through twice differ
 * by their distance from UTC, and so are two.
 */
function createCalendar(timezone: string): (instant: Date) => Readonly<Record<Tier, string>> {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone: timezone,
    ...{ year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', hourCycle: 'h23' },
    timeZoneName: 'longOffset',
  });
  return (instant) => {
    const parts = Object.fromEntries(format.formatToParts(instant).map(({ type, value }) => [type, value]));
    const { year = '', month = '', day = '', hour = '', timeZoneName: offset = '' } = parts;
    return {
      hourly: `${year}-${month}-${day} ${hour} ${offset}`,
      daily: `${year}-${month}-${day}`,
      weekly: isoWeek(Number(year), Number(month), Number(day)),
      monthly: `${year}-${month}`,
      yearly: year,
    };
  };
}

/** ISO 8601: weeks begin on Monday; the one that holds a year's first Thursday is its first. */
function isoWeek(year: number, month: number, day: number): string {
  const date = new Date(Date.UTC(year, month - 1, day));
  date.setUTCDate(date.getUTCDate() + 4 - (date.getUTCDay() || 7));
  const firstDay = Date.UTC(date.getUTCFullYear(), 0, 1);
  return `${date.getUTCFullYear()}-W${Math.ceil(((date.getTime() - firstDay) / 86_400_000 + 1) / 7)}`;
}
