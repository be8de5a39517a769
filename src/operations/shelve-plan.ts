import { z } from 'zod';
import { SHELVABLE_POWER_STATES } from '../model/shelved-instance.ts';

/** What putting a shelve or an offload right would need; whether it goes forward or back is read from the world. */
export const shelvePlanSchema = z.object({
  version: z.literal(1),
  instanceId: z.string(),
  instanceName: z.string(),
  imageId: z.string(),
  /** The persistent definition, with its secrets. */
  savedXml: z.string(),
  powerState: z.enum(SHELVABLE_POWER_STATES),
  /** An offload of what was shelved before: going back leaves it shelved. */
  isShelvedBefore: z.boolean(),
  /** Of its disks. */
  disks: z.array(z.object({ target: z.string() })),
  /** The guest was asked to shut down, and may still do so. */
  isShutdownAsked: z.boolean(),
  /** libvirt was asked to save its memory, and may still be doing so. */
  isSaveAsked: z.boolean(),
  /** libvirt was asked to undefine it: image, or draft, and record are complete. */
  mayBeUndefined: z.boolean(),
  /** libvirt starts it with the host; not while it is shelved. */
  isAutostart: z.boolean(),
  /** Processes that read the disks. */
  helpers: z.array(z.object({ pid: z.number(), startTicks: z.number(), bootId: z.string() })),
});

export type ShelvePlan = z.infer<typeof shelvePlanSchema>;
