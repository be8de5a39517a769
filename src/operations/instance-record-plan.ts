import { z } from 'zod';

/** A plain name in the instance's own folder: a record must not lead anybody to delete anything else. */
const fileNameSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,200}$/, 'is not a plain file name');

/** `instance.json`: what a launch made, and so what a delete removes. */
const instanceRecordSchema = z.object({
  version: z.literal(1),
  instanceId: z.string(),
  instanceName: z.string(),
  imageId: z.string(),
  clone: z.enum(['thin', 'full']),
  /** In the same folder. */
  files: z.array(fileNameSchema),
  createdAt: z.string(),
});

export type InstanceRecord = z.infer<typeof instanceRecordSchema>;

/** null when it is not such a record. */
export function parseInstanceRecord(text: string): InstanceRecord | null {
  try {
    return instanceRecordSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
