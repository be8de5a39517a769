import type { Instance, InstanceState } from '../../src/model/instance.ts';
import { waitUntil } from '../e2e/support/wait-until.ts';
import { describeEnding, judgeEnding } from './contract.ts';
import type { Gallery } from './gallery.ts';
import { chooseDeed, type GuestDeed, makeCapture } from './guest-deeds.ts';
import type { Ledger } from './ledger.ts';
import type { Random } from './random.ts';
import { type Ending, insist, seeThrough } from './see-through.ts';
import { followCounter, type Ward } from './ward.ts';
import type { World } from './world.ts';

const SETTLE_MS = 90_000;
const CANCEL_MS = [0, 2_500] as const;
const CANCELLED_PART = 0.12;

export interface Shift {
  readonly world: World;
  readonly ledger: Ledger;
  readonly random: Random;
  readonly gallery: Gallery;
  /** Different for each piece of work. */
  readonly newName: () => string;
}

/** Does something to a guest that nobody else works on, and looks how it ended. */
export async function workOnGuest(shift: Shift, ward: Ward): Promise<void> {
  const { world, random, ledger } = shift;
  const state = await settle(shift, ward);
  const name = shift.newName();
  const deed = chooseDeed(state, {
    ...{ client: world.agent.client, instanceId: ward.guest.uuid, shelvedFrom: ward.shelvedFrom },
    ...{ random, name },
  });
  if (deed === null) return ledger.accuse(`${ward.guest.name} is ${state}`);
  await perform(shift, ward, { deed, name, state });
}

/** A capture of a guest that somebody else works on: refused, or done. */
export async function intrude(shift: Shift, ward: Ward): Promise<void> {
  const { world, random, ledger, gallery } = shift;
  const name = shift.newName();
  const { guest, shelvedFrom } = ward;
  const deed = makeCapture({ client: world.agent.client, instanceId: guest.uuid, random, name, shelvedFrom });
  const ending = await seeThrough(world.agent.client, {
    submit: deed.submit,
    idempotencyKey: name,
    cancelAfterMs: null,
  });
  note(ledger, { ending, what: `a second capture of ${ward.guest.name}`, kind: 'image.create' });
  gallery.add(ending, { name, guest: ward.guest, least: 0, most: null });
}

interface Work {
  readonly deed: GuestDeed;
  readonly name: string;
  readonly state: InstanceState;
}

async function perform(shift: Shift, ward: Ward, { deed, name, state }: Work): Promise<void> {
  const { world, random, ledger, gallery } = shift;
  const accuse = (what: string): void => ledger.accuse(what);
  const least = (await followCounter(ward, accuse)) ?? 0;
  const ending = await seeThrough(world.agent.client, {
    submit: deed.submit,
    idempotencyKey: name,
    cancelAfterMs: random.next() < CANCELLED_PART ? random.between(CANCEL_MS) : null,
  });
  note(ledger, {
    ending,
    what: `${ward.guest.name} (${state})`,
    kind: deed.imageName === null ? null : 'image.create',
  });
  ward.states = statesAfter(ending, state, deed.leadsTo ?? state);
  if (deed.leadsTo === 'shelved' || deed.leadsTo === 'shelved_offloaded') {
    ward.wasShelved = true;
    ward.shelvedFrom = state;
  }
  const most = await followCounter(ward, accuse);
  if (deed.imageName !== null) gallery.add(ending, { name: deed.imageName, guest: ward.guest, least, most });
}

export function statesAfter(ending: Ending, before: InstanceState, after: InstanceState): ReadonlySet<InstanceState> {
  if (ending.kind === 'refused') return new Set([before]);
  return ending.operation.status === 'succeeded' ? new Set([after]) : new Set([before, after]);
}

interface Entry {
  readonly ending: Ending;
  readonly what: string;
  /** Where a refusal does not say it. */
  readonly kind: string | null;
}

export function note(ledger: Ledger, { ending, what, kind }: Entry): void {
  const name = ending.kind === 'ended' ? ending.operation.kind : (kind ?? 'instance');
  ledger.note(`${name} ${describeEnding(ending)}`);
  const complaint = judgeEnding(ending);
  if (complaint !== null) ledger.accuse(`${what}: ${name} ${complaint}`);
}

/** Waits until it is as it may be, since what died may not be put right yet; what it stays otherwise is told, and taken as it is. */
export async function settle({ world, ledger }: Pick<Shift, 'world' | 'ledger'>, ward: Ward): Promise<InstanceState> {
  let seen: Instance | null = null;
  const isSettled = async (): Promise<boolean> => {
    seen = await insist(() => world.agent.client.instances.show(ward.guest.uuid));
    return ward.states.has(seen.state) && seen.taskState === null;
  };
  const expected = [...ward.states].join(' or ');
  try {
    await waitUntil(`${ward.guest.name} is ${expected}`, isSettled, { timeoutMs: SETTLE_MS, intervalMs: 300 });
  } catch (error) {
    ledger.accuse(`${String(error)}; seen: ${describe(seen)}; ${cause(error)}`);
  }
  const state = describeState(seen) ?? 'error';
  ward.states = new Set([state]);
  return state;
}

function describe(instance: Instance | null): string {
  return instance === null ? 'nothing' : `${instance.state}, task ${instance.taskState}`;
}

function describeState(instance: Instance | null): InstanceState | null {
  return instance?.state ?? null;
}

function cause(error: unknown): string {
  return error instanceof Error && error.cause !== undefined ? String(error.cause) : '';
}
