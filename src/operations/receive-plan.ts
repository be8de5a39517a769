import { z } from 'zod';

/** What putting an interrupted import or copy right would need. */
export const receivePlanSchema = z.object({
  version: z.literal(1),
  volume: z.string(),
  /** Snapshots that are brought, from the bottom up; before it is known which: none. */
  ids: z.array(z.string()),
  /** Folder or URL of the store that they come to; null: the host's own. */
  location: z.string().nullable(),
});

export type ReceivePlan = z.infer<typeof receivePlanSchema>;
