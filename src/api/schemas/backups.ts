import { z } from 'zod';
import type { Backup, BackupDay, BackupPlan, BackupStatus } from '../../model/backup/backup.ts';
import { ACHIEVED_CONSISTENCIES, REQUESTED_CONSISTENCIES } from '../../model/consistency.ts';
import { imageObject } from './images.ts';
import { descriptionSchema, imageNameSchema, optionalBody, referenceSchema } from './names.ts';
import { pageShape } from './pages.ts';
import { propertiesSchema } from './properties.ts';
import { backupTypeSchema, hasOneRule, hasOneRuleAtMost, ONE_RULE, retentionShape } from './retention.ts';
import { wholeNumberInQuery } from './whole-number.ts';

const DEFAULT_DAYS = 14;
const MAX_DAYS = 366;

export const createBackupBodySchema = z
  .strictObject({
    instance: referenceSchema,
    name: imageNameSchema,
    type: backupTypeSchema,
    ...retentionShape,
    consistency: z.enum(REQUESTED_CONSISTENCIES).default('auto'),
    description: descriptionSchema.default(null),
    properties: propertiesSchema.default({}),
  })
  .refine(hasOneRule, ONE_RULE);
export type CreateBackupBody = z.input<typeof createBackupBodySchema>;

export const backupListQuerySchema = z.strictObject({
  instance: referenceSchema.exactOptional(),
  type: backupTypeSchema.exactOptional(),
  ...pageShape,
});

const planOptionsSchema = z
  .strictObject({
    instance: referenceSchema.exactOptional(),
    type: backupTypeSchema.exactOptional(),
    ...retentionShape,
  })
  .refine(hasOneRuleAtMost, { error: 'and keep: one of both', path: ['rotation'] });
/** Without a rule: as the schedules say. */
export const planBackupsBodySchema = optionalBody(planOptionsSchema);
export type PlanBackupsBody = z.input<typeof planOptionsSchema>;

export const backupStatusQuerySchema = z.strictObject({
  instance: referenceSchema.exactOptional(),
  days: wholeNumberInQuery({ most: MAX_DAYS, digits: 3 }).default(DEFAULT_DAYS),
});

export const backupSchema: z.ZodType<Backup> = z.object({
  ...imageObject.shape,
  instanceName: z.string().nullable(),
  keep: z.array(z.string()),
});

export const backupPlanSchema: z.ZodType<BackupPlan> = z.object({
  instanceId: z.string(),
  instanceName: z.string().nullable(),
  backupType: z.string(),
  scheduleId: z.string().nullable(),
  backups: z.array(backupSchema),
  freedBytes: z.number(),
});

const achievedSchema = z.enum(ACHIEVED_CONSISTENCIES).nullable();

const daySchema: z.ZodType<BackupDay> = z.union([
  z.object({ date: z.string(), outcome: z.literal('good'), consistency: achievedSchema }),
  z.object({ date: z.string(), outcome: z.enum(['failed', 'skipped', 'none']) }),
]);

export const backupStatusSchema: z.ZodType<BackupStatus> = z.object({
  instanceId: z.string(),
  instanceName: z.string().nullable(),
  lastBackup: z
    .object({
      imageId: z.string(),
      backupType: z.string(),
      createdAt: z.string(),
      ageMs: z.number(),
      consistency: achievedSchema,
    })
    .nullable(),
  lastBoot: z.object({ imageId: z.string(), at: z.string(), hasBooted: z.boolean() }).nullable(),
  nextRunAt: z.string().nullable(),
  scheduleIds: z.array(z.string()),
  failures: z.number(),
  lastFailure: z.object({ at: z.string(), code: z.string(), message: z.string() }).nullable(),
  alerts: z.array(z.string()),
  days: z.array(daySchema),
});
