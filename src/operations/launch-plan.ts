import { z } from 'zod';

/** What undoing a launch would need. Written before the first thing is made. */
export const launchPlanSchema = z.object({
  version: z.literal(1),
  instanceId: z.string(),
  instanceName: z.string(),
  imageId: z.string(),
  /** Made by the launch and for it alone. */
  folder: z.string(),
  isThin: z.boolean(),
  /** All is made and it may have been started: what it has written since is not ours to throw away. */
  isComplete: z.boolean(),
});

export type LaunchJournalPlan = z.infer<typeof launchPlanSchema>;
