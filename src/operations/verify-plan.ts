import { z } from 'zod';

/** What putting an interrupted boot right would need: the machine and the folder that it ran in. */
export const verifyPlanSchema = z.object({
  version: z.literal(1),
  domainId: z.string(),
  folder: z.string(),
});

export type VerifyPlan = z.infer<typeof verifyPlanSchema>;
