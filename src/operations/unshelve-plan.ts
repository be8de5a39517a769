import { z } from 'zod';
import { SHELVABLE_POWER_STATES } from '../model/shelved-instance.ts';

const ownershipSchema = z.object({ uid: z.number(), gid: z.number(), mode: z.number() });

/** What undoing, or finishing, an unshelve would need. Written before each thing is made. */
export const unshelvePlanSchema = z.object({
  version: z.literal(1),
  instanceId: z.string(),
  instanceName: z.string(),
  imageId: z.string(),
  /** Its domain never left this host. */
  isInPlace: z.boolean(),
  /** What it shall do when it is back. */
  wanted: z.enum(SHELVABLE_POWER_STATES),
  /** Where it never left, libvirt is told so again when it is back. */
  isAutostart: z.boolean(),
  /** The instance's own folder, where it is made; null where there is none. */
  folder: z.string().nullable(),
  /** Files that are made: under a name of ours at first, and ours under their own by the inode; null until that is known. */
  files: z.array(z.object({ path: z.string(), partial: z.string(), inode: z.number().nullable() })),
  /** Files that are second names of the image's own, whose owner and mode they change. */
  links: z.array(z.object({ path: z.string(), source: z.string(), ownership: ownershipSchema })),
  /** The image is marked, so that nobody else comes to depend on it. */
  isImageReserved: z.boolean(),
  mayBeDefined: z.boolean(),
  /** All is there: record and image go, and nothing is undone any more. */
  isComplete: z.boolean(),
});

export type UnshelvePlan = z.infer<typeof unshelvePlanSchema>;
