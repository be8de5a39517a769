import { z } from 'zod';
import {
  STORE_FINDING_KINDS,
  STORE_KINDS,
  type StoreDescription,
  type StoreFinding,
  type StoreStatus,
} from '../../model/store.ts';
import { optionalBody, referenceSchema } from './names.ts';

const DAY_SECONDS = 86_400;
const TEN_YEARS_SECONDS = 3650 * DAY_SECONDS;

export const storeParamsSchema = z.object({ store: referenceSchema });

const collectOptionsSchema = z.strictObject({
  /** Younger things may be what another host is at work on. */
  olderThanSeconds: z.int().min(0).max(TEN_YEARS_SECONDS).default(DAY_SECONDS),
  isDryRun: z.boolean().default(false),
});
export const collectGarbageBodySchema = optionalBody(collectOptionsSchema);
export type CollectGarbageBody = z.input<typeof collectOptionsSchema>;

const descriptionObject = z.object({
  name: z.string(),
  kind: z.enum(STORE_KINDS),
  location: z.string(),
  isDefault: z.boolean(),
});
export const storeSchema: z.ZodType<StoreDescription> = descriptionObject;

const countSchema = z.object({ count: z.number(), bytes: z.number() });

export const storeStatusSchema: z.ZodType<StoreStatus> = descriptionObject.extend({
  isReachable: z.boolean(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  images: countSchema.nullable(),
  snapshots: countSchema.nullable(),
  deletedImages: countSchema.nullable(),
  shelvedInstances: z.number().nullable(),
  freeBytes: z.number().nullable(),
  cache: z.object({ path: z.string(), files: z.number(), usedBytes: z.number(), limitBytes: z.number() }).nullable(),
});

export const storeFindingSchema: z.ZodType<StoreFinding> = z.object({
  kind: z.enum(STORE_FINDING_KINDS),
  subject: z.string(),
  message: z.string(),
  bytes: z.number().nullable(),
  since: z.string().nullable(),
  isRemovable: z.boolean(),
});
