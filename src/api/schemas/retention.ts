import { z } from 'zod';
import { BACKUP_TYPE, MOST_KEPT } from '../../model/backup/backup-request-rules.ts';
import type { Retention } from '../../model/backup/retention.ts';
import { DarkroomError } from '../../model/errors.ts';

const countSchema = z.int().min(0).max(MOST_KEPT);

/** IANA name; whether there is such a zone is for the core to say. */
export const timezoneSchema = z.string().min(1).max(64);

export const backupTypeSchema = z
  .string()
  .regex(BACKUP_TYPE, 'must be 1 to 63 of the characters A-Z a-z 0-9 _ . -, and begin with a letter or digit');

const keepSchema = z
  .strictObject({
    hourly: countSchema.default(0),
    daily: countSchema.default(0),
    weekly: countSchema.default(0),
    monthly: countSchema.default(0),
    yearly: countSchema.default(0),
    /** By whose wall clock days, weeks, months and years begin. */
    timezone: timezoneSchema.default('UTC'),
  })
  .refine(({ timezone: _timezone, ...counts }) => Object.values(counts).some((count) => count > 0), {
    error: 'must keep something of one of them',
  });

/** The newest `rotation`, or by `keep` some of each period: one of both. */
export const retentionShape = { rotation: countSchema.exactOptional(), keep: keepSchema.exactOptional() };

interface RetentionBody {
  readonly rotation?: number;
  readonly keep?: z.output<typeof keepSchema>;
}

/** null: none is given. */
export function toRetention({ rotation, keep }: RetentionBody): Retention | null {
  if (rotation !== undefined) return { kind: 'rotation', count: rotation };
  if (keep === undefined) return null;
  const { timezone, ...counts } = keep;
  return { kind: 'tiers', counts, timezone };
}

/** Of a body whose schema has seen to it that there is one. */
export function requireGiven(body: RetentionBody): Retention {
  const retention = toRetention(body);
  if (retention === null) throw new DarkroomError('INVALID_REQUEST', 'rotation: must be given, or keep.');
  return retention;
}

export const ONE_RULE = { error: 'must be given, or keep: one of both', path: ['rotation'] };

export function hasOneRule({ rotation, keep }: RetentionBody): boolean {
  return (rotation === undefined) !== (keep === undefined);
}

export function hasOneRuleAtMost({ rotation, keep }: RetentionBody): boolean {
  return rotation === undefined || keep === undefined;
}

export const retentionSchema: z.ZodType<Retention> = z.union([
  z.object({ kind: z.literal('rotation'), count: z.number() }),
  z.object({
    kind: z.literal('tiers'),
    counts: z.object({
      hourly: z.number(),
      daily: z.number(),
      weekly: z.number(),
      monthly: z.number(),
      yearly: z.number(),
    }),
    timezone: z.string(),
  }),
]);
