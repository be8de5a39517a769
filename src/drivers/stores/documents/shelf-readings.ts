import type { BrokenShelfRecord } from '../../../model/ports/shelf.ts';
import type { ShelvedInstance } from '../../../model/shelved-instance.ts';
import { compareById } from './compare-ids.ts';
import { damageReason } from './damage-reason.ts';

/** What came of reading a record. */
export type ShelfReading = { readonly instance: ShelvedInstance } | { readonly broken: BrokenShelfRecord };

export interface ShelfListing {
  readonly instances: readonly ShelvedInstance[];
  readonly broken: readonly BrokenShelfRecord[];
}

export function brokenShelfRecord(
  id: string,
  { cause, otherwise }: { readonly cause: unknown; readonly otherwise: string },
): ShelfReading {
  return { broken: { id, reason: damageReason(cause, { code: 'SHELF_DAMAGED', otherwise }) } };
}

/** By the names of the instances; a record that is broken is reported beside the others. */
export function listShelfReadings(readings: readonly ShelfReading[]): ShelfListing {
  const instances = readings.flatMap((reading) => ('instance' in reading ? [reading.instance] : []));
  const broken = readings.flatMap((reading) => ('broken' in reading ? [reading.broken] : []));
  return { instances: instances.sort(compareByName), broken: broken.sort(compareById) };
}

function compareByName(left: ShelvedInstance, right: ShelvedInstance): number {
  if (left.name !== right.name) return left.name < right.name ? -1 : 1;
  return compareById(left, right);
}
