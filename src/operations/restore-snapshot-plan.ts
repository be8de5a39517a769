import { z } from 'zod';

/** What putting an interrupted restore right would need. Which of the two contents the disk has, its inode tells. */
export const restorePlanSchema = z.object({
  version: z.literal(1),
  snapshotId: z.string(),
  volume: z.string(),
  instanceId: z.string(),
  instanceName: z.string(),
  target: z.string(),
  /** Links resolved. */
  diskPath: z.string(),
  /** The snapshot's content, beside the disk. */
  newPath: z.string(),
  /** Second name of the old content. */
  keptPath: z.string(),
  /** Of the finished new file, known before it takes the disk's place; null: it is not finished. */
  newInode: z.number().nullable(),
  /** The definition as it was, where it states a chain that goes with the old content; null: it is left alone. */
  savedXml: z.string().nullable(),
  /** Checkpoint and bitmap that begin with the new content; null for a raw disk. */
  checkpoint: z.string().nullable(),
  /** When the volume holds the snapshot again, as its record will say. */
  headAt: z.string(),
});

export type RestorePlan = z.infer<typeof restorePlanSchema>;
