import { z } from 'zod';
import type { QuotaReport } from '../../model/quota.ts';

const useSchema = z.object({
  count: z.number(),
  bytes: z.number(),
  maxCount: z.number().nullable(),
  maxBytes: z.number().nullable(),
});

export const quotaSchema: z.ZodType<QuotaReport> = z.object({
  owner: z.string().nullable(),
  images: useSchema,
  snapshots: useSchema,
});
