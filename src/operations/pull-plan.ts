import { z } from 'zod';

/** What putting an interrupted pull right would need: the draft's id. */
export const pullPlanSchema = z.object({ version: z.literal(1), imageId: z.string() });

export type PullPlan = z.infer<typeof pullPlanSchema>;
