import { z } from 'zod';
import { referenceSchema } from './names.ts';

export const MAX_LISTED = 10_000;
const OF_LIMITS = `must be a whole number from 1 to ${MAX_LISTED}`;

/** A number in a query is text; digits alone, so that there is one way to write each. */
export const limitSchema = z
  .string()
  .regex(/^[0-9]{1,6}$/, OF_LIMITS)
  .transform(Number)
  .pipe(z.int().min(1, OF_LIMITS).max(MAX_LISTED, OF_LIMITS));

/** What every list takes beside its filters: how many, and the id after which they begin. */
export const pageShape = { limit: limitSchema.exactOptional(), marker: referenceSchema.exactOptional() };
