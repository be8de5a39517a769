import { z } from 'zod';

/** A forced reboot is half done while this is in the journal: the instance may be off. */
export const rebootPlanSchema = z.object({
  version: z.literal(1),
  instanceId: z.string(),
});

export type RebootPlan = z.infer<typeof rebootPlanSchema>;
