import { z } from 'zod';

/** From 1 on. */
export function wholeNumber(most: number): z.ZodInt {
  const error = rangeOf(most);
  return z.int({ error }).min(1, { error }).max(most, { error });
}

/** From 1 on. A number in a query is text; digits alone, so that there is one way to write each. */
export function wholeNumberInQuery({ most, digits }: { readonly most: number; readonly digits: number }) {
  return z
    .string()
    .regex(new RegExp(`^[0-9]{1,${digits}}$`), rangeOf(most))
    .transform(Number)
    .pipe(wholeNumber(most));
}

function rangeOf(most: number): string {
  return `must be a whole number from 1 to ${most}`;
}
