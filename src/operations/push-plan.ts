import { z } from 'zod';

/** What putting an interrupted push right would need: the image that it was about to make, and of what. */
export const pushPlanSchema = z.object({
  version: z.literal(1),
  service: z.string(),
  serviceImageId: z.string(),
  imageId: z.string(),
  file: z.string(),
});

export type PushPlan = z.infer<typeof pushPlanSchema>;
