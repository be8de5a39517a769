import { beforeEach, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import type { Image } from '../../../src/model/image.ts';
import type { ImageService } from '../../../src/model/ports/image-service.ts';
import type { PushImageRequest } from '../../../src/model/store-requests.ts';
import { pushImage, recoverPushImage } from '../../../src/operations/push-image.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { createFakeImageService, type FakeImageService, servicesOf } from '../../support/fake-image-service.ts';
import { createFakeImageStore } from '../../support/fake-image-store.ts';
import { type Faulty, makeFaulty } from '../../support/faulty.ts';
import { createImageCore, runCancelled, runToEnd } from '../../support/image-core.ts';
import { makeImage, publishImage } from '../../support/sample-images.ts';

const IMAGE = makeImage('0f7c1c7e-52c9-4e5b-8a5c-2b8ad3d0a001', { name: 'nightly' });
const DISK = IMAGE.disks[0];
let fake: FakeImageService;
let service: Faulty<ImageService>;
let core: Core;

beforeEach(async () => {
  fake = createFakeImageService();
  service = makeFaulty<ImageService>(fake);
  core = createImageCore({ store: createFakeImageStore(), imageServices: servicesOf(service.port) });
  await publishImage(core.store, IMAGE);
});

function request(changes: Partial<PushImageRequest> = {}): PushImageRequest {
  return {
    kind: 'image.push',
    image: 'nightly',
    service: 'main',
    name: null,
    disk: null,
    visibility: null,
    ...changes,
  };
}

async function change(changes: Partial<Image>): Promise<void> {
  await core.store.updateImage({ ...IMAGE, ...changes });
}

function brokenOff(): DarkroomError {
  return new DarkroomError('IMAGE_SERVICE_FAILED', 'broke off', { fields: { isPassing: true } });
}

/** What is journalled and not settled. */
async function leftovers(): Promise<number> {
  return (await core.journal.list({ isUnsettled: true })).length;
}

it('makes one image of the service, and gives both ids', async () => {
  const { error, result } = await runToEnd(core, pushImage, request({ name: 'for all', visibility: 'public' }));
  expect(error).toBeNull();
  expect(result).toEqual({ imageId: IMAGE.id, serviceImageId: [...fake.images.keys()][0] });
  expect([...fake.images.values()]).toMatchObject([
    { data: 'disk-vda.qcow2', image: { name: 'for all', status: 'active', visibility: 'public', diskFormat: 'qcow2' } },
  ]);
  expect(await leftovers()).toBe(0);
});

it('has the id of the image on record before there is one', async () => {
  let planned: unknown = null;
  service.before('create', async () => {
    planned = (await core.journal.list({ isUnsettled: true }))[0]?.plan;
  });
  const { result } = await runToEnd(core, pushImage, request());
  expect(planned).toMatchObject({ serviceImageId: result.serviceImageId, service: 'glance:main' });
});

it.each([1, 2])('begins anew after %i that broke off, and leaves none of them', async (times) => {
  service.failOn('upload', brokenOff(), { times });
  const { error } = await runToEnd(core, pushImage, request());
  expect(error).toBeNull();
  expect([...fake.images.values()]).toMatchObject([{ image: { status: 'active' } }]);
  expect(service.calls.filter((call) => call === 'delete').length).toBe(times);
});

it('gives up after three', async () => {
  service.failOn('upload', brokenOff(), { times: 99 });
  const operation = await runToEnd(core, pushImage, request());
  expect(operation).toMatchObject({ status: 'failed', error: { code: 'IMAGE_SERVICE_FAILED' } });
  expect(service.calls.filter((call) => call === 'create').length).toBe(3);
  expect(fake.images.size).toBe(0);
});

it.each(['create', 'upload'] as const)('tries once where %s is refused, and leaves nothing', async (method) => {
  service.failOn(method, new DarkroomError('QUOTA_EXCEEDED', 'no more'));
  const operation = await runToEnd(core, pushImage, request());
  expect(operation).toMatchObject({ status: 'failed', error: { code: 'QUOTA_EXCEEDED' } });
  expect(service.calls.filter((call) => call === 'create').length).toBe(1);
  expect(fake.images.size).toBe(0);
  expect(await leftovers()).toBe(0);
});

it('deletes what it made when it is cancelled', async () => {
  service.before('upload', () => new Promise((resolve) => setTimeout(resolve, 20)));
  service.failAfter('upload', new DarkroomError('CANCELLED', 'cancelled'));
  const operation = await runCancelled(core, pushImage, { request: request(), isTime: ({ step }) => step === 'push' });
  expect(operation.status).toBe('cancelled');
  expect(fake.images.size).toBe(0);
});

it('leaves to recovery what it could not delete, which does it', async () => {
  service.failOn('upload', brokenOff());
  service.failOn('delete', new DarkroomError('IMAGE_SERVICE_UNUSABLE', 'gone'));
  const operation = await runToEnd(core, pushImage, request());
  expect(operation).toMatchObject({ status: 'interrupted', error: { message: 'broke off' } });
  expect(fake.images.size).toBe(1);
  const [entry] = await core.journal.list({ isUnsettled: true });
  if (entry === undefined) throw new Error('nothing is left');
  expect(await recoverPushImage(core, entry)).toEqual([expect.stringContaining('deleted again')]);
  expect(fake.images.size).toBe(0);
  expect(await recoverPushImage(core, entry)).toEqual([expect.stringContaining('deleted again')]);
});

it('keeps what was whole when its process died', async () => {
  service.failAfter('upload', brokenOff());
  service.failOn('delete', new DarkroomError('IMAGE_SERVICE_UNUSABLE', 'gone'));
  await runToEnd(core, pushImage, request());
  const [entry] = await core.journal.list({ isUnsettled: true });
  if (entry === undefined) throw new Error('nothing is left');
  expect(await recoverPushImage(core, entry)).toEqual([expect.stringContaining('was kept')]);
  expect(fake.images.size).toBe(1);
});

it('says that variables of the firmware and the state of a TPM stay behind', async () => {
  const file = { file: 'nvram.fd', sizeBytes: 1, sha256: 'a'.repeat(64) };
  await change({ nvram: file, tpm: [{ ...file, file: 'tpm/state' }] });
  const { warnings } = await runToEnd(core, pushImage, request());
  expect(warnings).toEqual([expect.stringContaining('UEFI'), expect.stringContaining('TPM')]);
});

it('wants to know which of several disks, and takes that one', async () => {
  if (DISK === undefined) throw new Error('the image has a disk');
  const second = { ...DISK, target: 'vdb', file: 'disk-vda.qcow2', virtualSizeBytes: 5 * 1024 ** 3 };
  await change({ disks: [DISK, second] });
  const failure = await expectFailure(runToEnd(core, pushImage, request()), 'INVALID_REQUEST');
  expect(failure.message).toContain('vda, vdb');
  await expectFailure(runToEnd(core, pushImage, request({ disk: 'vdc' })), 'INVALID_REQUEST');
  await runToEnd(core, pushImage, request({ disk: 'vdb' }));
  expect([...fake.images.values()][0]?.image.minDiskGiB).toBe(5);
});

it.each([
  ['an encrypted image', { isEncrypted: true }, {}, 'DISK_UNSUPPORTED'],
  ['an image that is not active', { status: 'error' }, {}, 'IMAGE_STATE'],
  ['a name that no image can have', {}, { name: ' ' }, 'INVALID_REQUEST'],
  ['an unknown service', {}, { service: 'other' }, 'STORE_NOT_FOUND'],
  ['an unknown image', {}, { image: 'other' }, 'IMAGE_NOT_FOUND'],
] as const)('refuses %s at once', async (_, changes, wish, code) => {
  await change(changes);
  await expectFailure(runToEnd(core, pushImage, request(wish)), code);
  expect(service.calls).not.toContain('create');
});

it('refuses at once where the service cannot be used', async () => {
  service.failOn('check', new DarkroomError('IMAGE_SERVICE_UNUSABLE', 'wrong password'));
  await expectFailure(runToEnd(core, pushImage, request()), 'IMAGE_SERVICE_UNUSABLE');
});
