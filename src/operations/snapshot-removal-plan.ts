import { z } from 'zod';

/**
 * What putting an interrupted delete or consolidation right needs. The files of a volume's snapshots say by themselves what was done to
 * them: here stands what was wanted.
 */
export const snapshotRemovalPlanSchema = z.strictObject({
  version: z.literal(1),
  volume: z.string(),
  /** What is to go; null: only what is hidden. */
  snapshotId: z.string().nullable(),
  /** Whose files may be left without a record. */
  removals: z.array(z.string()),
  /** False: the operation failed, and only what it has lying about is to go. */
  isWanted: z.boolean(),
});

export type SnapshotRemovalPlan = z.infer<typeof snapshotRemovalPlanSchema>;
