import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compose } from '../../src/compose.ts';
import { loadSettings } from '../../src/config/load-settings.ts';
import type { Operation } from '../../src/model/operation.ts';
import type { OperationRequest } from '../../src/model/requests.ts';
import type { Snapshot } from '../../src/model/snapshot/snapshot.ts';
import type { Application } from '../../src/operations/application.ts';
import { createRandom, type Random } from '../soak/random.ts';
import { type BlankGuest, defineBlankGuest } from './support/blank-guest.ts';
import { requestAndDie } from './support/kill-harness.ts';
import { runCommand } from './support/run-command.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { exportRaw } from './support/snapshots.ts';

/** `DARKROOM_TEST_SEQUENCES=200` for the long form; `DARKROOM_TEST_SEED` repeats one. */
const SEQUENCES = Number(process.env['DARKROOM_TEST_SEQUENCES'] ?? 200);
const SEED = Number(process.env['DARKROOM_TEST_SEED'] ?? 20261121);
const ACTIONS = [2, 5] as const;
const CLUSTER = 65_536;
const DISKS = [
  { target: 'vda', format: 'qcow2', sizeBytes: 4 * 1024 ** 2 },
  { target: 'vdb', format: 'raw', sizeBytes: 2 * 1024 ** 2 },
] as const;
type Target = (typeof DISKS)[number]['target'];

const WEIGHTS = {
  write: 9,
  snapshot: 5,
  snapshotAll: 2,
  delete: 4,
  power: 2,
  powerCut: 1,
  restore: 1,
  death: 1,
} as const;

let guest: BlankGuest;

beforeAll(async () => {
  guest = await defineBlankGuest(DISKS);
  await guest.start();
});
afterAll(async () => {
  await guest?.[Symbol.asyncDispose]();
});

interface World {
  readonly app: Application;
  readonly host: DarkroomHost;
  readonly random: Random;
  /** What the disks hold. */
  readonly disks: Map<Target, Buffer>;
  /** What they held. */
  readonly kept: Map<string, Buffer>;
  isOn: boolean;
}

it(`every snapshot restores what its volume held, whatever was written, deleted, killed and restored: ${SEQUENCES} sequences`, {
  timeout: 3_600_000,
}, async () => {
  const seeds = createRandom(SEED);
  for (let sequence = 0; sequence < SEQUENCES; sequence += 1) {
    const seed = Math.floor(seeds.next() * 2 ** 32);
    const story: string[] = [];
    try {
      await tell(seed, story);
    } catch (error) {
      throw new Error(`sequence ${sequence} (seed ${seed}): ${story.join(', ')}`, { cause: error });
    }
  }
});

async function tell(seed: number, story: string[]): Promise<void> {
  await using host = await createDarkroomHost();
  const random = createRandom(seed);
  await using app = await composeHost(host);
  const world: World = { app, host, random, disks: await readDisks(), kept: new Map(), isOn: await isOn() };
  for (let left = Math.round(random.between(ACTIONS)); left > 0; left -= 1) {
    const action = random.weigh(WEIGHTS);
    story.push(action);
    await ACTIONS_BY_NAME[action](world, story);
  }
  await checkAll(world);
}

async function composeHost(host: DarkroomHost): Promise<Application> {
  const env = {
    DARKROOM_STATE_DIR: host.stateDir,
    DARKROOM_STORE: host.store,
    DARKROOM_INSTANCES_DIR: host.instancesDir,
    DARKROOM_OVERLAY_DIR: path.join(host.folder, 'overlays'),
    DARKROOM_LOG_LEVEL: 'silent',
  };
  return await compose(loadSettings({ env, flags: {} }));
}

const ACTIONS_BY_NAME: Record<keyof typeof WEIGHTS, (world: World, story: string[]) => Promise<void>> = {
  write: async ({ random, disks }) => {
    const { target, sizeBytes } = random.pick(DISKS);
    const offset = Math.floor(random.between([0, sizeBytes / 512 - 1])) * 512;
    const length = Math.min(sizeBytes - offset, Math.ceil(random.between([1, 6 * CLUSTER]) / 512) * 512);
    const byte = Math.floor(random.between([0, 255]));
    await guest.write(target, { offset, length, byte });
    disks.get(target)?.fill(byte, offset, offset + length);
  },
  snapshot: async (world) => {
    const { target } = world.random.pick(DISKS);
    await succeed(world, { ...SNAPSHOT, volume: `${guest.name}/${target}` });
    await keepNew(world);
  },
  snapshotAll: async (world) => {
    await succeed(world, { ...SNAPSHOT, instance: guest.name });
    await keepNew(world);
  },
  delete: async (world) => {
    const snapshots = await world.app.snapshots.list();
    if (snapshots.length === 0) return;
    const { id } = world.random.pick(snapshots);
    const planned = await world.app.snapshots.planDelete(id);
    const { result } = await succeed(world, { kind: 'snapshot.delete', snapshot: id });
    expect(result.freedBytes, `what deleting ${id} frees`).toBe(planned.freedBytes);
    world.kept.delete(id);
  },
  power: async (world) => {
    await (world.isOn ? guest.stop() : guest.start());
    world.isOn = !world.isOn;
  },
  powerCut: async (world) => {
    if (world.isOn) await guest.kill();
    world.isOn = false;
  },
  restore: async (world) => {
    const snapshots = await world.app.snapshots.list();
    if (snapshots.length === 0) return;
    if (world.isOn) await guest.stop();
    world.isOn = false;
    const { id, target } = world.random.pick(snapshots);
    await succeed(world, { kind: 'snapshot.restore', snapshot: id });
    const disk = DISKS.find((each) => each.target === target);
    const content = world.kept.get(id);
    if (disk === undefined || content === undefined) throw new Error(`nothing is known of ${id}`);
    world.disks.set(disk.target, Buffer.from(content));
    expect((await readDisks()).get(disk.target)?.equals(content), `restored from ${id}`).toBe(true);
  },
  death: async (world, story) => {
    const snapshots = await world.app.snapshots.list();
    const request: OperationRequest =
      snapshots.length > 0 && world.random.next() < 0.5
        ? { kind: 'snapshot.delete', snapshot: world.random.pick(snapshots).id }
        : { ...SNAPSHOT, instance: guest.name };
    const nth = Math.ceil(world.random.between([2, 7]));
    story.push(`of ${request.kind} at journal entry ${nth}`);
    const at = { call: 'journal.enterStep', nth, when: world.random.pick(['before', 'after'] as const) };
    await requestAndDie(world.host, guest.uri, { request, at }).catch(() => undefined);
    await world.app.recover();
    await forgetDeleted(world, request);
    await keepNew(world);
  },
};

const SNAPSHOT = {
  kind: 'snapshot.create',
  volume: null,
  instance: null,
  description: null,
  consistency: 'auto',
  isFull: false,
  isCompressed: false,
  isEncrypted: false,
} as const;

async function succeed({ app }: World, request: OperationRequest): Promise<Operation> {
  const { id } = await app.operations.submit(request);
  await app.drain();
  const operation = await app.operations.show(id);
  if (operation.status === 'succeeded') return operation;
  throw new Error(`${request.kind} ${operation.status}: ${operation.error?.code} ${operation.error?.message}`);
}

/** Nothing has been written since. */
async function keepNew({ app, kept, disks }: World): Promise<void> {
  for (const { id, target } of await app.snapshots.list()) {
    const disk = DISKS.find((each) => each.target === target);
    const content = disk === undefined ? undefined : disks.get(disk.target);
    if (!kept.has(id) && content !== undefined) kept.set(id, Buffer.from(content));
  }
}

/** A delete that died is finished, or never began. */
async function forgetDeleted({ app, kept }: World, request: OperationRequest): Promise<void> {
  if (request.kind !== 'snapshot.delete') return;
  const left = await app.snapshots.list();
  if (!left.some(({ id }) => id === request.snapshot)) kept.delete(request.snapshot);
}

async function checkAll({ app, host, kept }: World): Promise<void> {
  const snapshots = await app.snapshots.list();
  expect(snapshots.map(({ id }) => id).sort()).toEqual([...kept.keys()].sort());
  for (const snapshot of snapshots) {
    const content = kept.get(snapshot.id);
    expect(content?.equals(await readSnapshot(host, snapshot)), `content of ${snapshot.id}`).toBe(true);
  }
}

async function readSnapshot(host: DarkroomHost, snapshot: Snapshot): Promise<Buffer> {
  const raw = path.join(host.folder, 'content.raw');
  await exportRaw(host, snapshot, raw);
  return await readFile(raw);
}

async function readDisks(): Promise<Map<Target, Buffer>> {
  const contents = new Map<Target, Buffer>();
  for (const { target } of DISKS) {
    const disk = guest.disks.find((each) => each.target === target);
    if (disk === undefined) throw new Error(`there is no ${target}`);
    const raw = path.join(guest.folder, `${target}.read`);
    await runCommand('qemu-img', ['convert', '-U', '-f', disk.format, '-O', 'raw', disk.path, raw]);
    contents.set(target, await readFile(raw));
    await runCommand('rm', [raw]);
  }
  return contents;
}

async function isOn(): Promise<boolean> {
  return (await runCommand('virsh', ['-q', 'domstate', guest.name])).trim() !== 'shut off';
}
