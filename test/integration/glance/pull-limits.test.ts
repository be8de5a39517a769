import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import type { ImageService, ServiceImage } from '../../../src/model/ports/image-service.ts';
import { pullImage } from '../../../src/operations/pull-image.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { createFakeImageService, type FakeImageService, servicesOf } from '../../support/fake-image-service.ts';
import { type Faulty, makeFaulty } from '../../support/faulty.ts';
import { runToEnd } from '../../support/image-core.ts';
import { createImageFixture, type ImageFixture, qemuImg } from '../images/image-fixture.ts';
import { pullRequest } from './glance-world.ts';

let fixture: ImageFixture;
let fake: FakeImageService;
let service: Faulty<ImageService>;

beforeEach(() => {
  fixture = createImageFixture();
  fake = createFakeImageService();
  service = makeFaulty<ImageService>(fake);
});

afterEach(() => fixture.dispose());

function add(changes: Partial<ServiceImage> = {}): ServiceImage {
  const file = fixture.path('theirs.qcow2');
  qemuImg('create', '-q', '-f', 'qcow2', file, '1M');
  return fake.add(changes, readFileSync(file, 'latin1'));
}

async function pull(changes: Partial<Parameters<typeof pullRequest>[1] & object> = {}) {
  const core = fixture.core({ imageServices: servicesOf(service.port) });
  return await runToEnd(core, pullImage, pullRequest('theirs', changes));
}

async function expectNothing(): Promise<void> {
  expect(await fixture.drafts()).toEqual([]);
  expect((await fixture.store.listImages()).images).toEqual([]);
}

it('pulls nothing that the file system has no room for', async () => {
  add({ sizeBytes: 1024 ** 5 });
  const operation = await pull();
  expect(operation).toMatchObject({ status: 'failed', error: { code: 'NO_SPACE' } });
  expect(service.calls).not.toContain('download');
  await expectNothing();
});

it.each(['COPY_FAILED', 'IMAGE_SERVICE_FAILED', 'NO_SPACE'] as const)(
  'leaves nothing of a download that ends with %s',
  async (code) => {
    add();
    service.failAfter('download', new DarkroomError(code, 'broken on purpose'));
    const operation = await pull();
    expect(operation.status).toBe('failed');
    expect(operation.error?.message).toBe('broken on purpose');
    await expectNothing();
  },
);

it('looks again at what it was to pull when its turn comes', async () => {
  const image = add();
  service.before('find', () => {
    if (service.calls.length > 1) fake.add({ ...image, status: 'deactivated' }, '');
  });
  expect(await pull()).toMatchObject({ status: 'failed', error: { code: 'IMAGE_REJECTED' } });
  await expectNothing();
});

it('wants a name where there is none, and takes one', async () => {
  add({ name: '' });
  const { id } = add({ name: '' });
  await expectFailure(
    runToEnd(fixture.core({ imageServices: servicesOf(service.port) }), pullImage, pullRequest(id)),
    'INVALID_REQUEST',
  );
  const named = pullRequest(id, { name: 'named here' });
  const { error } = await runToEnd(fixture.core({ imageServices: servicesOf(service.port) }), pullImage, named);
  expect(error).toBeNull();
});

it('says which properties did not come along, and that nothing vouches for the data', async () => {
  add({ properties: { hw_disk_bus: 'fdc' } });
  const { warnings, error } = await pull();
  expect(error).toBeNull();
  expect(warnings).toEqual([expect.stringContaining('hw_disk_bus'), expect.stringContaining('no checksum')]);
});

it('does it for a client of the agent, who names no path of this host', async () => {
  add();
  const caller = { name: 'alice', role: 'operator', isTrustedWithPaths: false } as const;
  const core = fixture.core({ imageServices: servicesOf(service.port), caller });
  const { error, result } = await runToEnd(core, pullImage, pullRequest('theirs'));
  expect(error).toBeNull();
  expect(await fixture.store.readImage(result.imageId ?? '')).toMatchObject({ owner: 'alice' });
  expect(fixture.filesOf(await fixture.store.readImage(result.imageId ?? ''))).toEqual([
    'disk-vda.qcow2',
    'manifest.json',
  ]);
});
