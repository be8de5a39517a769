import { z } from 'zod';
import { ROLES } from '../../model/access.ts';
import { type BackupSchedule, RUN_STATUSES, type ScheduleRun } from '../../model/backup/schedule.ts';
import { ACHIEVED_CONSISTENCIES, REQUESTED_CONSISTENCIES } from '../../model/consistency.ts';
import { referenceSchema } from './names.ts';
import { limitSchema } from './pages.ts';
import {
  backupTypeSchema,
  hasOneRule,
  ONE_RULE,
  retentionSchema,
  retentionShape,
  timezoneSchema,
} from './retention.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const MAX_AGE_MS = 3653 * DAY_MS;
const MAX_BOOT_EVERY = 1000;
const MAX_CRON_CHARACTERS = 256;
const DEFAULT_RUNS = 20;

export const scheduleParamsSchema = z.object({ schedule: referenceSchema });
export const scheduleRunsQuerySchema = z.strictObject({ limit: limitSchema.default(DEFAULT_RUNS) });

const selectorBodySchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('instance'), instance: referenceSchema }),
  z.strictObject({ kind: z.literal('all') }),
  z.strictObject({ kind: z.literal('label'), key: referenceSchema, value: z.string().max(255) }),
]);

const policyBodySchema = z.strictObject({
  consistency: z.enum(ACHIEVED_CONSISTENCIES).default('crash'),
  maxAgeMs: z.int().min(MINUTE_MS).max(MAX_AGE_MS),
});

export const createScheduleBodySchema = z
  .strictObject({
    selector: selectorBodySchema,
    cron: z.string().min(1).max(MAX_CRON_CHARACTERS),
    timezone: timezoneSchema.default('UTC'),
    type: backupTypeSchema,
    ...retentionShape,
    consistency: z.enum(REQUESTED_CONSISTENCIES).default('auto'),
    policy: policyBodySchema.nullable().default(null),
    jitterMs: z.int().min(0).max(DAY_MS).default(0),
    bootEvery: z.int().min(0).max(MAX_BOOT_EVERY).default(0),
  })
  .refine(hasOneRule, ONE_RULE);
export type CreateScheduleBody = z.input<typeof createScheduleBodySchema>;

export const updateScheduleBodySchema = z.strictObject({ isPaused: z.boolean() });

export const scheduleSchema: z.ZodType<BackupSchedule> = z.object({
  id: z.string(),
  selector: z.union([
    z.object({ kind: z.literal('instance'), instanceId: z.string() }),
    z.object({ kind: z.literal('all') }),
    z.object({ kind: z.literal('label'), key: z.string(), value: z.string() }),
  ]),
  cron: z.string(),
  timezone: z.string(),
  backupType: z.string(),
  retention: retentionSchema,
  consistency: z.enum(REQUESTED_CONSISTENCIES),
  policy: z.object({ consistency: z.enum(ACHIEVED_CONSISTENCIES), maxAgeMs: z.number() }).nullable(),
  jitterMs: z.number(),
  bootEvery: z.number(),
  isPaused: z.boolean(),
  owner: z.string(),
  role: z.enum(ROLES),
  createdAt: z.string(),
  handledUntil: z.string(),
});

export const scheduleRunSchema: z.ZodType<ScheduleRun> = z.object({
  id: z.string(),
  scheduleId: z.string(),
  instanceId: z.string(),
  instanceName: z.string(),
  dueAt: z.string(),
  status: z.enum(RUN_STATUSES),
  startAt: z.string().nullable(),
  attempts: z.number(),
  operationId: z.string().nullable(),
  imageId: z.string().nullable(),
  reason: z.object({ code: z.string(), message: z.string() }).nullable(),
  endedAt: z.string().nullable(),
});
