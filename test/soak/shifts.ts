import { setTimeout as sleep } from 'node:timers/promises';
import type { InstanceState } from '../../src/model/instance.ts';
import { waitUntil } from '../e2e/support/wait-until.ts';
import { intrude, note, type Shift, settle, statesAfter, workOnGuest } from './guest-work.ts';
import { workOnImage } from './image-work.ts';
import type { SoakOptions } from './options.ts';
import type { Random } from './random.ts';
import { insist, seeThrough, type Task } from './see-through.ts';
import type { Ward } from './ward.ts';
import type { World } from './world.ts';

const IMAGE_PART = 0.2;
const INTRUDER_PART = 0.08;
const IDLE_LIMIT_MS = 120_000;
/** For threads that are let go of, and memory that is. */
const REST_MS = 3_000;
const CALLS_AT_ONCE = 8;

export interface Crew {
  readonly shift: Shift;
  readonly wards: readonly Ward[];
  readonly options: SoakOptions;
  readonly random: Random;
}

/** Several clients work until so many operations have been asked for since the start of the run. */
export async function workUntil(target: number, { shift, wards, options, random }: Crew): Promise<void> {
  const deadline = Date.now() + options.limitMs;
  const work = async (own: Shift): Promise<void> => {
    while (own.ledger.operations < target) {
      if (Date.now() > deadline) throw new Error(`only ${own.ledger.operations} operations within the limit of time`);
      await workOnce(own, wards);
    }
  };
  const clients = Array.from({ length: options.clients }, () => work({ ...shift, random: random.fork() }));
  await Promise.all(clients);
}

async function workOnce(shift: Shift, wards: readonly Ward[]): Promise<void> {
  const draw = shift.random.next();
  if (draw < IMAGE_PART) return await workOnImage(shift);
  if (draw < IMAGE_PART + INTRUDER_PART) return await intrude(shift, shift.random.pick(wards));
  const free = wards.filter(({ isTaken }) => !isTaken);
  if (free.length === 0) return await sleep(100);
  const ward = shift.random.pick(free);
  ward.isTaken = true;
  try {
    await workOnGuest(shift, ward);
  } finally {
    ward.isTaken = false;
  }
}

/** Nothing runs any more, not even what the agent does of its own accord, for a moment. */
export async function restUntilIdle({ agent }: World): Promise<void> {
  const isIdle = async (): Promise<boolean> => (await agent.client.agent.status()).runningOperations === 0;
  await waitUntil('the agent is idle', isIdle, { timeoutMs: IDLE_LIMIT_MS, intervalMs: 200 });
  // a thread whose libvirt died connects at its next call: all that are kept are connected when they are counted
  await Promise.all(Array.from({ length: CALLS_AT_ONCE }, () => insist(() => agent.client.instances.list())));
  await sleep(REST_MS);
}

/** From the shelf to off or paused, and from there to running; and once more where something died. */
const STEPS_TO_WAKE = 4;

/** Whatever was done to them: in the end all guests run. */
export async function wakeAll(shift: Shift, wards: readonly Ward[]): Promise<void> {
  for (const ward of wards) {
    for (let step = 0; step < STEPS_TO_WAKE && (await wake(shift, ward)); step++);
  }
}

/** False when it runs. */
async function wake(shift: Shift, ward: Ward): Promise<boolean> {
  const state = await settle(shift, ward);
  const submit = wayToWake(shift, ward, state);
  if (submit === null) return false;
  const task: Task = { submit, idempotencyKey: shift.newName(), cancelAfterMs: null };
  const ending = await seeThrough(shift.world.agent.client, task);
  note(shift.ledger, { ending, what: `${ward.guest.name} (${state})`, kind: null });
  const isShelved = state === 'shelved' || state === 'shelved_offloaded';
  ward.states = statesAfter(ending, state, isShelved ? ward.shelvedFrom : 'active');
  return true;
}

function wayToWake({ world }: Shift, { guest }: Ward, state: InstanceState): Task['submit'] | null {
  const { instances } = world.agent.client;
  switch (state) {
    case 'paused':
      return (options) => instances.power(guest.uuid, 'resume', options);
    case 'stopped':
    case 'suspended':
      return (options) => instances.power(guest.uuid, 'start', options);
    case 'shelved':
    case 'shelved_offloaded':
      return (options) => instances.unshelve(guest.uuid, {}, options);
    case 'active':
    case 'error':
      return null;
    default:
      return state satisfies never;
  }
}
