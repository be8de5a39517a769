import { z } from 'zod';

export function listOf<Item>(item: z.ZodType<Item>): z.ZodType<readonly Item[]> {
  return z.array(item);
}

/** Of a 204. */
export const nothingSchema = z.null();

/** The text of an event stream; what its events hold is told by those who send them. */
export const eventStreamSchema: z.ZodType = z.string();

export const healthSchema = z.object({ status: z.literal('ok') });

/** An OpenAPI document. */
export const documentSchema: z.ZodType<Readonly<Record<string, unknown>>> = z.record(z.string(), z.unknown());
