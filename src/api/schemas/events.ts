import { z } from 'zod';

export const EVENT_TYPES = ['operation', 'instance'] as const;
export type EventType = (typeof EVENT_TYPES)[number];

export const eventQuerySchema = z.strictObject({
  /** Several are divided by commas; all of them where it is absent. */
  types: z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(EVENT_TYPES)).min(1))
    .transform((types): ReadonlySet<EventType> => new Set(types))
    .exactOptional(),
});

/** Others pass. The id of the last event that a reader saw: a revision. */
export const eventHeadersSchema = z.looseObject({
  'last-event-id': z
    .string()
    .regex(/^[0-9]{1,15}$/, 'must be the id of an event')
    .transform(Number)
    .exactOptional(),
});

export const instanceGoneSchema = z.object({ id: z.string() });
