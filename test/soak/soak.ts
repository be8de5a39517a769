import { type DeathCount, type Deaths, killAgent, killLibvirt } from './deaths.ts';
import { createGallery } from './gallery.ts';
import type { Shift } from './guest-work.ts';
import { judgeAll } from './judge-all.ts';
import { createLedger, type Ledger } from './ledger.ts';
import type { SoakOptions } from './options.ts';
import { createRandom, type Random } from './random.ts';
import { restUntilIdle, wakeAll, workUntil } from './shifts.ts';
import { summarise } from './summary.ts';
import { compareVitals, readVitals, type Vitals } from './vitals.ts';
import { type Ward, watchOver } from './ward.ts';
import { createWorld, type World } from './world.ts';

export interface SoakReport {
  readonly wrongs: readonly string[];
  readonly deaths: DeathCount;
  /** For people, in a few lines. */
  readonly summary: string;
}

/** Two copies, four captures and so on at once are what the agent does by itself; each copy takes a second or two. */
const SETTINGS = {
  DARKROOM_COPY_BANDWIDTH: '3MiB',
  DARKROOM_COMMIT_BANDWIDTH: '2MiB',
  DARKROOM_HOUSEKEEPING_INTERVAL: '2',
  DARKROOM_STOP_TIMEOUT: '60',
};
const WARM_PART = 0.4;

interface Soak {
  readonly options: SoakOptions;
  readonly world: World;
  readonly wards: readonly Ward[];
  readonly shift: Shift;
  readonly ledger: Ledger;
  readonly random: Random;
  readonly count: DeathCount;
}

/**
 * Clients work on guests while agent and libvirt die at random moments; then with one agent that lives, so that what it
 * holds can be compared; and in the end everything has to be as it was. Its seed decides what is asked for and when something
 * dies, not how fast the machine is: a run is alike another of the same seed, not the same.
 */
export async function runSoak(options: SoakOptions): Promise<SoakReport> {
  options.say(`soak: seed ${options.seed}, ${options.operations} operations, ${options.guests} guests`);
  const startedMs = Date.now();
  await using world = await createWorld({ guests: options.guests, env: SETTINGS });
  const soak = prepare(options, world);
  const { ledger, count } = soak;
  let vitals: readonly [Vitals, Vitals] | null = null;
  try {
    await storm(soak);
    vitals = await calm(soak);
    for (const growth of compareVitals(...vitals)) ledger.accuse(growth);
    await finish(soak);
  } catch (error) {
    ledger.accuse(`the soak itself: ${error instanceof Error ? error.stack : String(error)}`);
  }
  const keptFolder = ledger.wrongs.length === 0 ? null : await world.keep();
  const seconds = Math.round((Date.now() - startedMs) / 1000);
  const summary = summarise({ options, ledger, count, vitals, seconds, keptFolder, startsMs: world.agent.startsMs });
  options.say(summary);
  return { wrongs: ledger.wrongs, deaths: count, summary };
}

function prepare(options: SoakOptions, world: World): Soak {
  const random = createRandom(options.seed);
  const ledger = createLedger(options.say);
  let serial = 0;
  const newName = (): string => `${options.seed}-${++serial}`;
  const shift: Shift = { world, ledger, random: random.fork(), gallery: createGallery(), newName };
  const count = { agent: 0, libvirtKilled: 0, libvirtStopped: 0 };
  return { options, world, wards: world.guests.map(watchOver), shift, ledger, random, count };
}

/** Both die. */
async function storm({ options, world, wards, shift, random, count }: Soak): Promise<void> {
  const hand = { world, count, options };
  const deaths = [killAgent({ ...hand, random: random.fork() }), killLibvirt({ ...hand, random: random.fork() })];
  const target = Math.round(options.operations * (1 - options.calmPart));
  await withDeaths(deaths, () => workUntil(target, { shift, wards, options, random }));
}

/** Libvirt dies, the agent lives: what it holds when it is warm, and at the end. */
async function calm({ options, world, wards, shift, random, count, ledger }: Soak): Promise<readonly [Vitals, Vitals]> {
  const death = killLibvirt({ world, count, options, random: random.fork() });
  const { pid } = world.agent;
  const left = options.operations - ledger.operations;
  return await withDeaths([death], async () => {
    await workUntil(ledger.operations + Math.round(left * WARM_PART), { shift, wards, options, random });
    await restUntilIdle(world);
    const warm = await readVitals(pid);
    await workUntil(options.operations, { shift, wards, options, random });
    await restUntilIdle(world);
    return [warm, await readVitals(pid)] as const;
  });
}

/** One more death, one orderly stop, and everything has to be right. */
async function finish({ options, world, wards, shift, ledger, count }: Soak): Promise<void> {
  count.agent += 1;
  await world.agent.die();
  await wakeAll(shift, wards);
  for (const wrong of await judgeAll(shift, { wards, bootedImages: options.bootedImages })) ledger.accuse(wrong);
  const code = await world.agent.restart();
  if (code !== 0) ledger.accuse(`the agent ended with ${code} when it was told to stop`);
  for (const end of world.agent.ownEnds) ledger.accuse(end);
}

async function withDeaths<Result>(deaths: readonly Deaths[], work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } finally {
    await Promise.all(deaths.map((death) => death.end()));
  }
}
