import { statSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Image } from '../../../src/model/image.ts';
import type { ImageServices } from '../../../src/model/ports/image-service.ts';
import { pullImage, recoverPullImage } from '../../../src/operations/pull-image.ts';
import { pushImage, recoverPushImage } from '../../../src/operations/push-image.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { recoverOperations } from '../../../src/operations/support/recover-operations.ts';
import { runCommand, tryCommand } from '../../e2e/support/run-command.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { createFakeProcesses } from '../../support/fake-host.ts';
import { runCancelled, runToEnd } from '../../support/image-core.ts';
import { makeOperation } from '../../support/sample-operations.ts';
import { createImageFixture, type ImageFixture, qemuImg } from '../images/image-fixture.ts';
import {
  atBytes,
  createGlanceWorld,
  freeze,
  type GlanceWorld,
  makeStoredImage,
  pullRequest,
  pushRequest,
} from './glance-world.ts';

const MIB = 1024 ** 2;
const SIZE_MIB = 96;
/** Far from both ends, whatever lies in buffers between. */
const MIDDLE = 32 * MIB;
const SHORT = { retryForMs: 2_000, connectMs: 1_000, answerMs: 2_000, dataMs: 2_000 };

let fixture: ImageFixture;
let world: GlanceWorld;
let before: number;
let large: Image;

beforeAll(async () => {
  fixture = createImageFixture();
  world = await createGlanceWorld(fixture);
  large = await makeStoredImage(fixture, { name: 'large', sizeMiB: SIZE_MIB });
});

beforeEach(async () => {
  before = (await world.listImages()).length;
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  fixture.dispose();
});

function core(imageServices: ImageServices = world.services()): Core {
  return fixture.core({ imageServices });
}

async function restart(): Promise<void> {
  await world.glance.kill();
  await world.glance.start();
}

/** What Glance has besides what it had before the test, whatever its state. */
async function countMade(): Promise<number> {
  return (await world.listImages()).length - before;
}

it('begins anew when Glance dies in the middle of a push', async () => {
  let restarting: Promise<void> = Promise.resolve();
  const services = atBytes(world.services(), MIDDLE, () => {
    freeze(world.glance);
    restarting = restart();
  });
  const { error, result } = await runToEnd(core(services), pushImage, pushRequest(large.id));
  await restarting;
  expect(error).toBeNull();
  const { json } = await world.ask('GET', `/images/${result.serviceImageId}`);
  expect(json).toMatchObject({ status: 'active', name: 'large' });
  expect(await countMade()).toBe(1);
});

it('goes on when Glance was only slow, in both directions', async () => {
  const pausing = (services: ImageServices): ImageServices =>
    atBytes(services, MIDDLE, () => {
      freeze(world.glance);
      setTimeout(() => void world.glance.continue(), 3_000);
    });
  const pushed = await runToEnd(core(pausing(world.services())), pushImage, pushRequest(large.id));
  expect(pushed.error).toBeNull();
  const id = pushed.result.serviceImageId ?? '';
  expect(await countMade()).toBe(1);
  const pulled = await runToEnd(core(pausing(world.services())), pullImage, pullRequest(id));
  expect(pulled.error).toBeNull();
});

it('goes on where it was when Glance dies in the middle of a pull', async () => {
  const { result } = await runToEnd(core(), pushImage, pushRequest(large.id));
  let restarting: Promise<void> = Promise.resolve();
  const services = atBytes(world.services(), MIDDLE, () => {
    freeze(world.glance);
    restarting = restart();
  });
  const pulled = await runToEnd(core(services), pullImage, pullRequest(result.serviceImageId ?? ''));
  await restarting;
  expect(pulled.error).toBeNull();
  const copy = await fixture.store.readImage(pulled.result.imageId ?? '');
  const [source, target] = [large, copy].map((image) => fixture.fileOf(image, 'disk-vda.qcow2'));
  qemuImg('compare', '-s', '-f', 'qcow2', '-F', 'qcow2', source ?? '', target ?? '');
});

it('leaves nothing of a push that is cancelled', async () => {
  const operation = await runCancelled(core(), pushImage, {
    request: pushRequest(large.id),
    isTime: ({ progress }) => (progress?.done ?? 0) > MIDDLE,
  });
  expect(operation).toMatchObject({ status: 'cancelled', error: { code: 'CANCELLED' } });
  expect(await countMade()).toBe(0);
});

it('leaves nothing of a pull that is cancelled', async () => {
  const { result } = await runToEnd(core(), pushImage, pushRequest(large.id));
  const imagesBefore = (await fixture.store.listImages()).images.length;
  const operation = await runCancelled(core(), pullImage, {
    request: pullRequest(result.serviceImageId ?? ''),
    isTime: ({ progress }) => (progress?.done ?? 0) > MIDDLE,
  });
  expect(operation).toMatchObject({ status: 'cancelled', error: { code: 'CANCELLED' } });
  expect(await fixture.drafts()).toEqual([]);
  expect((await fixture.store.listImages()).images.length).toBe(imagesBefore);
});

it('tells what broke when Glance stays away, and deletes what it has when it is back', async () => {
  const services = atBytes(world.services({ limits: SHORT }), MIDDLE, () => freeze(world.glance));
  const dead = fixture.core({ imageServices: services, processes: createFakeProcesses() });
  const operation = await runToEnd(dead, pushImage, pushRequest(large.id));
  expect(operation).toMatchObject({ status: 'interrupted' });
  expect(operation.error?.code).toMatch(/^IMAGE_SERVICE_/);
  await expectFailure(services.open('main').check(), 'IMAGE_SERVICE_UNUSABLE');
  await restart();
  expect(await countMade()).toBe(1);
  const [entry] = await dead.journal.list({ isUnsettled: true });
  if (entry === undefined) throw new Error('nothing is left to recovery');
  await recoverOperations(dead, { 'image.push': recoverPushImage }, [entry]);
  expect(await countMade()).toBe(0);
});

it('keeps what a dead process had pushed as a whole', async () => {
  const { result } = await runToEnd(core(), pushImage, pushRequest(large.id));
  const serviceImageId = result.serviceImageId ?? '';
  const plan = {
    version: 1,
    service: 'glance:main',
    serviceImageId,
    imageId: large.id,
    file: 'disk-vda.qcow2',
  };
  const own = core();
  const entry = await journalDead(own, 'image.push', plan);
  expect(await recoverPushImage(own, entry)).toEqual([
    `The data had all arrived: the image ${serviceImageId} of glance:main was kept.`,
  ]);
  expect((await world.ask('GET', `/images/${serviceImageId}`)).json).toMatchObject({ status: 'active' });
});

it('deletes what a dead process had pushed in part, even where Glance took it for all', async () => {
  const small = await makeStoredImage(fixture, { name: 'small' });
  const { result } = await runToEnd(core(), pushImage, pushRequest(small.id));
  const serviceImageId = result.serviceImageId ?? '';
  const plan = {
    version: 1,
    service: 'glance:main',
    serviceImageId,
    imageId: large.id,
    file: 'disk-vda.qcow2',
  };
  const own = core();
  const entry = await journalDead(own, 'image.push', plan);
  expect(await recoverPushImage(own, entry)).toEqual([
    `What had been pushed was deleted again: the image ${serviceImageId} of glance:main.`,
  ]);
  expect((await world.ask('GET', `/images/${serviceImageId}`)).status).toBe(404);
});

it('removes what a dead process had pulled in part', async () => {
  const draft = await fixture.store.createDraft('0b7a3bd1-2a3b-4c5d-8e6f-7a8b9c0d1e2f');
  expect(await fixture.drafts()).toEqual([draft.imageId]);
  const own = core();
  const entry = await journalDead(own, 'image.pull', { version: 1, imageId: draft.imageId });
  expect(await recoverPullImage(own, entry)).toEqual(['What had been pulled was removed.']);
  expect(await fixture.drafts()).toEqual([]);
});

it('says that the storage of Glance is full, and leaves nothing there', async () => {
  const folder = `${world.glance.folder}/images`;
  await runCommand('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_MIB / 2}m`, 'tmpfs', folder]);
  try {
    const operation = await runToEnd(core(), pushImage, pushRequest(large.id));
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'IMAGE_SERVICE_FAILED' } });
    expect(operation.error?.message).toContain('full');
    expect(await countMade()).toBe(0);
    expect(statSync(folder).isDirectory()).toBe(true);
  } finally {
    await tryCommand('umount', ['-l', folder]);
  }
});

async function journalDead(own: Core, kind: 'image.push' | 'image.pull', plan: unknown) {
  const operation = makeOperation({ kind, target: 'large' });
  await own.journal.begin(operation, { owner: own.processes.self, plan });
  return await own.journal.read(operation.id);
}
