import { z } from 'zod';
import { referenceSchema } from './names.ts';

export const MAX_LISTED = 10_000;

/** A number in a query is text; digits alone, so that there is one way to write each. */
export const limitSchema = z
  .string()
  .regex(/^[0-9]{1,6}$/, 'must be a whole number')
  .transform(Number)
  .pipe(z.int().min(1).max(MAX_LISTED));

/** What every list takes beside its filters: how many, and the id after which they begin. */
export const pageShape = { limit: limitSchema.exactOptional(), marker: referenceSchema.exactOptional() };
