import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compose } from '../../../src/compose.ts';
import { loadSettings } from '../../../src/config/load-settings.ts';
import type { Settings } from '../../../src/config/settings.ts';
import type { Image } from '../../../src/model/image.ts';
import type { Operation } from '../../../src/model/operation.ts';
import type { OperationRequest } from '../../../src/model/requests.ts';
import { pushImage } from '../../../src/operations/push-image.ts';
import { runToEnd } from '../../support/image-core.ts';
import { createImageFixture, type ImageFixture } from '../images/image-fixture.ts';
import { createGlanceWorld, type GlanceWorld, makeStoredImage, pullRequest, pushRequest } from './glance-world.ts';

const DYING = fileURLToPath(new URL('./dying-process.mjs', import.meta.url));
const MIB = 1024 ** 2;
let fixture: ImageFixture;
let world: GlanceWorld;
let image: Image;

beforeAll(async () => {
  fixture = createImageFixture();
  world = await createGlanceWorld(fixture);
  image = await makeStoredImage(fixture, { name: 'large', sizeMiB: 64 });
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  fixture.dispose();
});

function settings(): Settings {
  const flags = {
    connect: 'test:///default',
    stateDir: fixture.path('state'),
    store: path.dirname(path.dirname(path.dirname(fixture.fileOf(image, 'x')))),
    logLevel: 'silent',
  } as const;
  const known = loadSettings({ env: {}, flags });
  return { ...known, imageGroup: '0', imageServices: [world.options()] };
}

/** A process that dies in the middle; what the next one finds and makes of it. */
async function dieAndRecover(request: OperationRequest, bytes: number | null): Promise<Operation | undefined> {
  const job = JSON.stringify({ settings: settings(), service: world.options(), request, bytes });
  const { signal, stderr } = spawnSync(process.execPath, [DYING, job], { encoding: 'utf8', timeout: 60_000 });
  expect(signal, stderr).toBe('SIGKILL');
  await using application = await compose(settings());
  await application.recover();
  const [operation] = await application.operations.list();
  return operation;
}

it('deletes in the service what a process had pushed in part when it was killed', async () => {
  const operation = await dieAndRecover(pushRequest(image.id), 16 * MIB);
  expect(operation).toMatchObject({ status: 'interrupted', error: { code: 'OPERATION_INTERRUPTED' } });
  expect(operation?.warnings).toEqual([expect.stringContaining('deleted again')]);
  expect(await world.listImages()).toEqual([]);
});

it('keeps in the service what was there as a whole when the process was killed', async () => {
  const operation = await dieAndRecover(pushRequest(image.id), null);
  expect(operation?.warnings).toEqual([expect.stringContaining('was kept')]);
  const [kept] = await world.listImages();
  expect(kept).toMatchObject({ status: 'active', size: image.sizeBytes });
});

it('removes what a process had pulled in part when it was killed', async () => {
  const core = fixture.core({ imageServices: world.services() });
  const { result } = await runToEnd(core, pushImage, pushRequest(image.id));
  const operation = await dieAndRecover(pullRequest(result.serviceImageId ?? ''), 16 * MIB);
  expect(operation?.warnings).toEqual(['What had been pulled was removed.']);
  expect(await fixture.drafts()).toEqual([]);
});
