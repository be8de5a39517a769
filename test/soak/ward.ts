import type { InstanceState } from '../../src/model/instance.ts';
import { readCounter, type SoakGuest } from './soak-guest.ts';

/** A guest under watch: how it may be, and how far it had counted when last seen. */
export interface Ward {
  readonly guest: SoakGuest;
  /** More than one after an operation of which nobody can say how far it came. */
  states: ReadonlySet<InstanceState>;
  /** Somebody works on it. */
  isTaken: boolean;
  /** Shelved at some time: what lay under its disk may be part of it now. */
  wasShelved: boolean;
  /** How it was when it was last shelved: an unshelve makes it so again. */
  shelvedFrom: InstanceState;
  counter: number;
}

export function watchOver(guest: SoakGuest): Ward {
  return { guest, states: new Set(['active']), isTaken: false, wasShelved: false, shelvedFrom: 'active', counter: 0 };
}

/** Its counter now, from its own disk; null where that is not on this host. Whatever is less than before is told. */
export async function followCounter(ward: Ward, accuse: (what: string) => void): Promise<number | null> {
  let counter: number;
  try {
    counter = await readCounter(ward.guest.disk);
  } catch {
    // shelved, or just on its way: whoever needs it to be there says so
    return null;
  }
  if (counter < ward.counter) accuse(`${ward.guest.name} counted back from ${ward.counter} to ${counter}`);
  ward.counter = counter;
  return counter;
}
