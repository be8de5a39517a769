import { afterEach, beforeEach, expect, it } from 'vitest';
import type { UpdateImageRequest } from '../../../src/model/requests.ts';
import { acquireLocks } from '../../../src/operations/support/operation-locks.ts';
import { updateImage } from '../../../src/operations/update-image.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { createFakeImageStore, type FakeImageStore } from '../../support/fake-image-store.ts';
import { makeFaulty } from '../../support/faulty.ts';
import { createImageCore } from '../../support/image-core.ts';
import { makeImage, publishImage } from '../../support/sample-images.ts';

const ID = '3f1c1d5e-5a6b-4c7d-8e9f-000000000001';

let store: FakeImageStore;

beforeEach(async () => {
  store = createFakeImageStore();
  await publishImage(
    store,
    makeImage(ID, { properties: { image_type: 'snapshot', team: 'blue', hw_disk_bus: 'virtio' } }),
  );
});

afterEach(() => store.dispose());

it('changes what is named and leaves the rest', async () => {
  const core = createImageCore({ store });
  const before = await store.readImage(ID);
  const updated = await updateImage(core, ID, { name: 'web', isProtected: true });
  expect(updated).toEqual({ ...before, name: 'web', protected: true });
  expect(await store.readImage(ID)).toEqual(updated);
});

it('takes a multibyte name of 255 characters', async () => {
  const name = '界'.repeat(255);
  expect((await updateImage(createImageCore({ store }), ID, { name })).name).toBe(name);
});

it('merges properties and takes away those with an empty value', async () => {
  const { properties } = await updateImage(createImageCore({ store }), ID, {
    properties: { team: '', os_type: 'linux' },
  });
  expect(properties).toEqual({ image_type: 'snapshot', hw_disk_bus: 'virtio', os_type: 'linux' });
});

it('takes the description away', async () => {
  const core = createImageCore({ store });
  await updateImage(core, ID, { description: 'golden' });
  expect((await updateImage(core, ID, { name: 'web' })).description).toBe('golden');
  expect((await updateImage(core, ID, { description: null })).description).toBeNull();
});

it.each<[string, UpdateImageRequest]>([
  ['an empty name', { name: '' }],
  ['a blank name', { name: '  ' }],
  ['a name of 256 characters', { name: 'x'.repeat(256) }],
  ['a name with a line break', { name: 'a\nb' }],
  ['a reserved property', { properties: { image_type: 'backup' } }],
  ['a reserved property that would be taken away', { properties: { base_image_ref: '' } }],
  ['a property of a signature', { properties: { img_signature: 'x' } }],
  ['a property with a blank in its key', { properties: { 'a b': 'x' } }],
  ['a property value of 256 characters', { properties: { team: 'x'.repeat(256) } }],
  ['a disk bus that there is not', { properties: { hw_disk_bus: 'floppy' } }],
  ['129 properties', { properties: Object.fromEntries(Array.from({ length: 129 }, (_, index) => [`k${index}`, 'v'])) }],
])('refuses %s and changes nothing', async (_, changes) => {
  const before = await store.readImage(ID);
  await expectFailure(updateImage(createImageCore({ store }), ID, changes), 'INVALID_REQUEST');
  expect(await store.readImage(ID)).toEqual(before);
});

it('refuses at once while an operation works on the image', async () => {
  const core = createImageCore({ store });
  await acquireLocks(core, { exclusive: [], shared: [`image:${ID}`] }, { operationId: 'other', kind: 'image.verify' });
  await expectFailure(updateImage(core, ID, { name: 'web' }), 'IMAGE_BUSY');
});

it('gives its lock back when the store cannot be written', async () => {
  const faulty = makeFaulty(store);
  faulty.failOn('updateImage', new Error('read-only'));
  const core = createImageCore({ store: faulty.port });
  await expect(updateImage(core, ID, { name: 'web' })).rejects.toThrow('read-only');
  expect(await core.locks.list()).toEqual([]);
});

it('does not change an image that is being deleted', async () => {
  await store.updateImage(makeImage(ID, { status: 'deleting' }));
  await expectFailure(updateImage(createImageCore({ store }), ID, { name: 'web' }), 'IMAGE_STATE');
});
