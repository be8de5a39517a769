import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Image } from '../../../src/model/image.ts';
import { pullImage } from '../../../src/operations/pull-image.ts';
import { pushImage } from '../../../src/operations/push-image.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { startGlance } from '../../support/engines.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { NO_QUOTA, runToEnd } from '../../support/image-core.ts';
import { createImageFixture, type ImageFixture, qemuImg } from '../images/image-fixture.ts';
import {
  atBytes,
  createGlanceWorld,
  type GlanceWorld,
  makeStoredImage,
  pullRequest,
  pushRequest,
} from './glance-world.ts';

const MIB = 1024 ** 2;
let fixture: ImageFixture;
let world: GlanceWorld;

beforeAll(async () => {
  fixture = createImageFixture();
  world = await createGlanceWorld(fixture);
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  fixture.dispose();
});

function core(parts: Partial<Omit<Core, 'settings'>> = {}): Core {
  return fixture.core({ imageServices: world.services(), ...parts });
}

/** An image that others made in Glance, with this content. */
async function makeServiceImage(content: Buffer, fields: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const id = randomUUID();
  const made = await world.ask('POST', '/images', {
    id,
    name: `theirs ${id}`,
    disk_format: 'qcow2',
    container_format: 'bare',
    ...fields,
  });
  expect(made.status).toBe(201);
  const file = fixture.path(id);
  writeFileSync(file, content);
  if (content.length > 0) await world.services().open('main').upload(id, file);
  return id;
}

/** Everything that a snapshot of an instance carries, and what must not travel. */
async function makeSnapshotImage(name: string): Promise<Image> {
  const image = await makeStoredImage(fixture, { name });
  const changed: Image = {
    ...image,
    minMemoryMiB: 512,
    properties: {
      ...{ image_type: 'snapshot', image_location: 'snapshot', image_state: 'available', user_id: 'alice' },
      ...{ instance_uuid: randomUUID(), base_image_ref: randomUUID(), team: 'blue' },
      ...{ hw_disk_bus: 'virtio', hw_firmware_type: 'uefi', hw_qemu_guest_agent: 'yes', os_type: 'linux' },
      ...{ img_signature: 'c2lnbmVk', cinder_encryption_key_id: randomUUID(), os_hash_value: 'ff', owner: 'mallory' },
    },
    nvram: { file: 'nvram.fd', sizeBytes: 1, sha256: 'a'.repeat(64) },
  };
  await fixture.store.updateImage(changed);
  return changed;
}

it('pushes an image with its properties, and pulls it back with the same content', async () => {
  const image = await makeSnapshotImage('nightly');
  const pushed = await runToEnd(core(), pushImage, pushRequest('nightly'));
  expect(pushed.error).toBeNull();
  const id = pushed.result.serviceImageId ?? '';
  const file = fixture.fileOf(image, 'disk-vda.qcow2');
  const { json } = await world.ask('GET', `/images/${id}`);
  expect(json).toMatchObject({
    ...{ name: 'nightly', status: 'active', disk_format: 'qcow2', container_format: 'bare', visibility: 'private' },
    ...{ size: image.sizeBytes, min_disk: 1, min_ram: 512, protected: false, description: 'as it was on Monday' },
    ...{ os_hash_algo: 'sha512', os_hash_value: createHash('sha512').update(readFileSync(file)).digest('hex') },
    ...{ image_type: 'snapshot', image_location: 'snapshot', image_state: 'available', user_id: 'alice' },
    instance_uuid: image.properties['instance_uuid'],
    base_image_ref: image.properties['base_image_ref'],
    ...{ team: 'blue', hw_disk_bus: 'virtio', hw_firmware_type: 'uefi', hw_qemu_guest_agent: 'yes', os_type: 'linux' },
  });
  expect(json).not.toHaveProperty('img_signature');
  expect(json).not.toHaveProperty('cinder_encryption_key_id');
  expect(json).not.toMatchObject({ owner: 'mallory' });
  expect(pushed.warnings.join()).toContain('UEFI variables');
  expect(pushed.progress).toEqual({ done: image.sizeBytes, total: image.sizeBytes, unit: 'bytes' });

  const pulled = await runToEnd(core(), pullImage, pullRequest(id, { name: 'back again' }));
  expect(pulled.error).toBeNull();
  const back = await fixture.store.readImage(pulled.result.imageId ?? '');
  qemuImg('compare', '-s', '-f', 'qcow2', '-F', 'qcow2', file, fixture.fileOf(back, 'disk-vda.qcow2'));
  expect(back).toMatchObject({
    ...{ name: 'back again', status: 'active', owner: 'root', visibility: 'private', minDiskGiB: 1, minMemoryMiB: 512 },
    ...{ description: 'as it was on Monday', consistency: null },
    disks: [{ target: 'vda', format: 'qcow2', virtualSizeBytes: 4 * MIB }],
  });
  expect(back.properties).toEqual({
    ...{ image_type: 'imported', image_location: 'imported', glance_service: 'glance:main', glance_image_id: id },
    ...{ team: 'blue', hw_disk_bus: 'virtio', hw_firmware_type: 'uefi', hw_qemu_guest_agent: 'yes', os_type: 'linux' },
  });
  expect(await fixture.drafts()).toEqual([]);
});

it('pushes the same image twice, as two images of the service', async () => {
  await makeStoredImage(fixture, { name: 'twice' });
  const first = await runToEnd(core(), pushImage, pushRequest('twice', { name: 'häufig gebraucht 日本' }));
  const second = await runToEnd(core(), pushImage, pushRequest('twice', { name: 'häufig gebraucht 日本' }));
  expect([first.error, second.error]).toEqual([null, null]);
  expect(first.result.serviceImageId).not.toBe(second.result.serviceImageId);
  const failure = await expectFailure(
    runToEnd(core(), pullImage, pullRequest('häufig gebraucht 日本')),
    'AMBIGUOUS_NAME',
  );
  expect(failure.message).toContain(first.result.serviceImageId);
  expect(failure.message).toContain(second.result.serviceImageId);
});

it('pushes a protected image as one, and takes it back all the same when that fails', async () => {
  const image = await makeStoredImage(fixture, { name: 'precious' });
  await fixture.store.updateImage({ ...image, protected: true });
  const { result } = await runToEnd(core(), pushImage, pushRequest('precious'));
  const id = result.serviceImageId ?? '';
  expect((await world.ask('GET', `/images/${id}`)).json).toMatchObject({ protected: true });
  expect((await world.ask('DELETE', `/images/${id}`)).status).toBe(403);
  await world.services().open('main').delete(id);
  expect((await world.ask('GET', `/images/${id}`)).status).toBe(404);
});

it('says clearly that a user may not publish, and leaves nothing', async () => {
  await makeStoredImage(fixture, { name: 'for all' });
  const before = await world.listImages();
  const operation = await runToEnd(core(), pushImage, pushRequest('for all', { visibility: 'public' }));
  expect(operation).toMatchObject({ status: 'failed', error: { code: 'IMAGE_SERVICE_FAILED' } });
  expect(operation.error?.message).toMatch(/did not create the image "for all" \(403: .*publicize_image/);
  expect(await world.listImages()).toEqual(before);
});

it('is refused at once where the service does not know us, without a word of the secret', async () => {
  await makeStoredImage(fixture, { name: 'unsent' });
  const known = world.options();
  if (known.auth.kind !== 'password') throw new Error('a password is expected');
  const auth = { ...known.auth, passwordFile: world.secretFile('Not-The-Password') };
  const failure = await expectFailure(
    runToEnd(core({ imageServices: world.services({ auth }) }), pushImage, pushRequest('unsent')),
    'IMAGE_SERVICE_UNUSABLE',
  );
  expect(failure.message).toContain('the user demo (domain Default) for the project demo (domain Default)');
  expect(failure.message).toContain(world.keystone.authUrl);
  expect(failure.message).not.toContain('Not-The-Password');
});

it('works with an application credential, and with an endpoint of its own with a version', async () => {
  const { id, secret } = world.keystone.credential;
  const auth = {
    kind: 'application_credential',
    authUrl: world.keystone.authUrl.replace(/\/v3$/, '/'),
    id,
    secretFile: world.secretFile(secret),
  } as const;
  await world.services({ auth }).open('main').check();
  await world
    .services({ auth, endpoint: `${world.glance.endpoint}/v2/` })
    .open('glance:main')
    .check();
  const failure = await expectFailure(
    world
      .services({ auth: { ...auth, secretFile: world.secretFile('wrong-secret') } })
      .open('main')
      .check(),
    'IMAGE_SERVICE_UNUSABLE',
  );
  expect(failure.message).toContain(`the application credential ${id}`);
  expect(failure.message).not.toContain('wrong-secret');
});

it('pulls a raw image, by its name, holes and all', async () => {
  const content = Buffer.alloc(8 * MIB);
  randomBytes(MIB).copy(content, 3 * MIB);
  await makeServiceImage(content, { name: 'in:raw, or so', disk_format: 'raw', min_disk: 3, min_ram: 64 });
  const { error, result } = await runToEnd(core(), pullImage, pullRequest('in:raw, or so'));
  expect(error).toBeNull();
  const image = await fixture.store.readImage(result.imageId ?? '');
  expect(image).toMatchObject({ name: 'in:raw, or so', minDiskGiB: 3, minMemoryMiB: 64 });
  const raw = fixture.path('content.raw');
  qemuImg('convert', '-f', 'qcow2', '-O', 'raw', fixture.fileOf(image, 'disk-vda.qcow2'), raw);
  expect(readFileSync(raw).equals(content)).toBe(true);
});

it.each([
  ['another disk format', { disk_format: 'vhdx' }, /disk format vhdx; only qcow2 and raw/],
  ['another container format', { container_format: 'ova' }, /container format ova/],
])('does not pull %s', async (_, fields, message) => {
  const id = await makeServiceImage(randomBytes(64), fields);
  const failure = await expectFailure(runToEnd(core(), pullImage, pullRequest(id)), 'IMAGE_REJECTED');
  expect(failure.message).toMatch(message);
});

it('does not pull an image without data, or one that is not there', async () => {
  const id = await makeServiceImage(Buffer.alloc(0));
  const failure = await expectFailure(runToEnd(core(), pullImage, pullRequest(id)), 'IMAGE_REJECTED');
  expect(failure.message).toContain('is queued, not active');
  await expectFailure(runToEnd(core(), pullImage, pullRequest(randomUUID())), 'IMAGE_NOT_FOUND');
  await expectFailure(runToEnd(core(), pullImage, pullRequest('x', { service: 'other' })), 'STORE_NOT_FOUND');
});

it('does not believe the data of a stranger: a backing file, a data file and a false format are refused', async () => {
  const secret = fixture.path('secret.raw');
  writeFileSync(secret, randomBytes(MIB));
  const hostile = fixture.path('hostile.qcow2');
  qemuImg('create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', secret, hostile);
  const withBacking = readFileSync(hostile);
  qemuImg('create', '-q', '-f', 'qcow2', '-o', `data_file=${fixture.path('data.raw')}`, hostile, '1M');
  const contents = [withBacking, readFileSync(hostile), randomBytes(MIB)];
  for (const content of contents) {
    const id = await makeServiceImage(content);
    const operation = await runToEnd(core(), pullImage, pullRequest(id));
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'IMAGE_REJECTED' } });
    expect(operation.error?.message).toContain(id);
    expect(await fixture.drafts()).toEqual([]);
  }
});

it('takes raw data for what a guest wrote, whatever it looks like', async () => {
  const inner = fixture.path('inner.qcow2');
  qemuImg('create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', '/etc/passwd', '-u', inner, '1M');
  const content = readFileSync(inner);
  const id = await makeServiceImage(content, { disk_format: 'raw' });
  const { result } = await runToEnd(core(), pullImage, pullRequest(id));
  const image = await fixture.store.readImage(result.imageId ?? '');
  expect(image.disks[0]?.virtualSizeBytes).toBe(Math.ceil(content.length / 512) * 512);
});

it('pulls nothing beyond the quota', async () => {
  const id = await makeServiceImage(randomBytes(MIB), { disk_format: 'raw' });
  const small = fixture.core({ imageServices: world.services() }, { quota: { ...NO_QUOTA, maxImageBytes: 1024 } });
  await expectFailure(runToEnd(small, pullImage, pullRequest(id)), 'QUOTA_EXCEEDED');
});

it('says that a quota of the service is used up, before any data was sent', async () => {
  await using small = await startGlance({ auth: 'none', quotaBytes: MIB });
  await makeStoredImage(fixture, { name: 'too large' });
  const imageServices = world.services({ auth: { kind: 'none' }, endpoint: small.endpoint });
  let sentBytes = 0;
  const watched = atBytes(imageServices, 1, () => {
    sentBytes += 1;
  });
  const operation = await runToEnd(core({ imageServices: watched }), pushImage, pushRequest('too large'));
  expect(operation).toMatchObject({ status: 'failed', error: { code: 'QUOTA_EXCEEDED' } });
  expect(sentBytes).toBe(0);
  const left = await fetch(`${small.endpoint}/v2/images`);
  expect(await left.json()).toMatchObject({ images: [] });
});
