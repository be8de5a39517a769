import { z } from 'zod';

const processSchema = z.object({ pid: z.number(), startTicks: z.number(), bootId: z.string() });

const diskSchema = z.object({
  target: z.string(),
  path: z.string(),
  format: z.enum(['qcow2', 'raw']),
  isBlockDevice: z.boolean(),
  /** null when the guest is off and its chain is read directly. */
  overlayPath: z.string().nullable(),
  /** A pivot of ours was asked for: what the guest wrote since may be on the disk, and older things on its overlay. */
  mayBePivoted: z.boolean().exactOptional(),
});

/** What putting a captured instance right would need. Written to the journal before each step that changes the world. */
export const capturePlanSchema = z.object({
  version: z.literal(1),
  instanceId: z.string(),
  instanceName: z.string(),
  imageId: z.string(),
  powerState: z.enum(['running', 'paused', 'shutdown', 'suspended']),
  isPersistent: z.boolean(),
  isAutostart: z.boolean(),
  /** The persistent definition before the capture, with its secrets. */
  savedXml: z.string(),
  disks: z.array(diskSchema),
  /** A freeze of ours was begun and its thaw is not confirmed. */
  mayBeFrozen: z.boolean(),
  /** A pause of ours was begun and its end is not confirmed. */
  mayBePaused: z.boolean(),
  /** Processes that read the disks; an orphan would hold the lock that the commit needs. */
  helpers: z.array(processSchema),
  /** The chain is what it was: only the draft and what `mayBe…` says are left. */
  isChainRestored: z.boolean(),
});

export type CapturePlan = z.infer<typeof capturePlanSchema>;
export type CaptureDisk = CapturePlan['disks'][number];
