import { z } from 'zod';
import { pathSchema, referenceSchema } from './names.ts';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const PREFIX = /^glance:/;

/** Whether there is such a store, and whether the caller may use it, is not for the schema to say. */
export const storeReferenceSchema = referenceSchema.refine(
  (text) => NAME.test(text) || text.startsWith('s3://') || pathSchema.safeParse(text).success,
  { error: 'must be the name of a store, s3://bucket/prefix or an absolute path' },
);

/** Of an image service, as the configuration has it; what lists and commands put before it may be there. */
export const serviceNameSchema = z
  .string()
  .transform((text) => text.replace(PREFIX, ''))
  .refine((text) => NAME.test(text), { error: 'must be the name of an image service' });
