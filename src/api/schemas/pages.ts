import { referenceSchema } from './names.ts';
import { wholeNumberInQuery } from './whole-number.ts';

export const MAX_LISTED = 10_000;
export const limitSchema = wholeNumberInQuery({ most: MAX_LISTED, digits: 6 });

/** What every list takes beside its filters: how many, and the id after which they begin. */
export const pageShape = { limit: limitSchema.exactOptional(), marker: referenceSchema.exactOptional() };
