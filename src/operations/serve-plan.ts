import { z } from 'zod';

/** What putting right needs where a snapshot was served: where it could be seen, and who served it. */
export const servePlanSchema = z.object({
  version: z.literal(1),
  socketPath: z.string().nullable(),
  filePath: z.string().nullable(),
  /** Folder that its file system was mounted on. */
  directory: z.string().nullable(),
  /** A file of ours that changed blocks were copied to. */
  scratchPath: z.string().nullable(),
  server: z.object({ pid: z.int(), startTicks: z.number(), bootId: z.string() }).nullable(),
});

export type ServePlan = z.infer<typeof servePlanSchema>;

export const NOTHING_SERVED: ServePlan = {
  version: 1,
  socketPath: null,
  filePath: null,
  directory: null,
  scratchPath: null,
  server: null,
};
