import { z } from 'zod';

const diskSchema = z.object({
  volume: z.string(),
  snapshotId: z.string(),
  target: z.string(),
  path: z.string(),
  format: z.enum(['qcow2', 'raw']),
  isBlockDevice: z.boolean(),
  /** Where QEMU writes it; null for a guest that is off, of which the store's own draft is written. */
  stagingPath: z.string().nullable(),
  /** Where differences are found out, beside the disk. */
  differencesPath: z.string(),
});

/** What putting right a snapshot that was not finished would need. */
export const snapshotPlanSchema = z.object({
  version: z.literal(1),
  instanceId: z.string(),
  instanceName: z.string(),
  powerState: z.enum(['running', 'paused', 'shutdown', 'suspended']),
  disks: z.array(diskSchema),
  /** Name of the checkpoint, and of its bitmaps, that begins with this snapshot; null: none. */
  checkpoint: z.string().nullable(),
  /** Disks that have, or will have, a bitmap of it. */
  bitmapTargets: z.array(z.string()),
  mayBeFrozen: z.boolean(),
  mayBePaused: z.boolean(),
  /** A backup job of ours may be running. */
  mayBeCopying: z.boolean(),
  /** All of them are in the store: what is left to do is not worth undoing them for. */
  isPublished: z.boolean(),
});

export type SnapshotPlan = z.infer<typeof snapshotPlanSchema>;
export type SnapshotPlanDisk = SnapshotPlan['disks'][number];
