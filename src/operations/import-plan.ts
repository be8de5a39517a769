import { z } from 'zod';

/** What putting an interrupted import right would need: the draft's id. */
export const importPlanSchema = z.object({ version: z.literal(1), imageId: z.string() });

export type ImportPlan = z.infer<typeof importPlanSchema>;
