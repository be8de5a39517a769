import { z } from 'zod';
import { DISK_FORMATS } from '../../model/image.ts';
import { pathSchema, referenceSchema } from './names.ts';

/** A new file from a snapshot. Thin ones are always qcow2. */
export const createVolumeBodySchema = z
  .strictObject({
    snapshot: referenceSchema,
    /** null: a new name in the folder of the instances. */
    path: pathSchema.nullable().default(null),
    clone: z.enum(['thin', 'full']).default('full'),
    format: z.enum(DISK_FORMATS).default('qcow2'),
  })
  .refine(({ clone, format }) => clone === 'full' || format === 'qcow2', {
    error: 'must be qcow2 for a thin volume',
    path: ['format'],
  });
export type CreateVolumeBody = z.input<typeof createVolumeBodySchema>;
