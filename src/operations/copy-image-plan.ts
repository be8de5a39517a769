import { z } from 'zod';

/** What putting an interrupted copy of an image right would need. */
export const copyImagePlanSchema = z.object({
  version: z.literal(1),
  imageId: z.string(),
  /** Of the store that it comes to; null: the host's own. */
  location: z.string().nullable(),
});

export type CopyImagePlan = z.infer<typeof copyImagePlanSchema>;
