import { z } from 'zod';

/** What is to be removed once the domain is undefined. Written while its record can still be read. */
export const deleteInstancePlanSchema = z.object({
  version: z.literal(1),
  instanceId: z.string(),
  instanceName: z.string(),
  /** null for a domain that Darkroom did not make: its files are kept. */
  made: z
    .object({
      imageId: z.string(),
      folder: z.string(),
      /** Names in the folder. */
      files: z.array(z.string()),
    })
    .nullable(),
  /** The image that holds it, when it is shelved. */
  shelvedImageId: z.string().nullable().default(null),
  /** It is deleted under a claim: without that it is somebody else's by now. */
  isClaimed: z.boolean().default(false),
});

export type DeleteInstancePlan = z.infer<typeof deleteInstancePlanSchema>;
