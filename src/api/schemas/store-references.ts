import { z } from 'zod';
import { isS3Url, parseS3Url } from '../../model/store-location.ts';
import { pathSchema, referenceSchema } from './names.ts';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const PREFIX = /^glance:/;
const EXPECTED = 'must be the name of a store, s3://bucket/prefix or an absolute path';

/** Whether there is such a store, and whether the caller may use it, is not for the schema to say. */
export const storeReferenceSchema = referenceSchema.transform((text, context) => {
  if (NAME.test(text) || pathSchema.safeParse(text).success) return text;
  const parsed = isS3Url(text) ? parseS3Url(text) : { complaint: EXPECTED };
  if ('location' in parsed) return parsed.location;
  context.addIssue({ code: 'custom', message: parsed.complaint });
  return z.NEVER;
});

/** Of an image service, as the configuration has it; what lists and commands put before it may be there. */
export const serviceNameSchema = z
  .string()
  .transform((text) => text.replace(PREFIX, ''))
  .refine((text) => NAME.test(text), { error: 'must be the name of an image service' });
