import { DarkroomError } from './errors.ts';

/** A part of a list: at most `limit`, after the one whose id is `marker` (as in OpenStack). */
export interface Page {
  readonly limit?: number;
  readonly marker?: string;
}

/** A part of a list in its order. INVALID_REQUEST when nothing in it has the marker's id: it may be gone by now. */
export function takePage<Item extends { readonly id: string }>(items: readonly Item[], page: Page): readonly Item[] {
  const { limit = items.length, marker } = page;
  if (marker === undefined) return items.slice(0, limit);
  const before = items.findIndex(({ id }) => id === marker);
  if (before === -1) {
    throw new DarkroomError('INVALID_REQUEST', `marker: the list holds nothing with the id ${marker}`, {
      fields: { marker },
    });
  }
  return items.slice(before + 1, before + 1 + limit);
}
