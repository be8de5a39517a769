import { z } from 'zod';

/** What putting an interrupted creation of a volume right would need. */
export const volumePlanSchema = z.object({
  version: z.literal(1),
  snapshotId: z.string(),
  volume: z.string(),
  path: z.string(),
  /** Beside it, while it is written. */
  partialPath: z.string(),
  /** It stands on the snapshot's file, whose record names it. */
  isThin: z.boolean(),
  /** Of the finished file, known before it gets its name; null: it is not finished. */
  inode: z.number().nullable(),
});

export type VolumePlan = z.infer<typeof volumePlanSchema>;
