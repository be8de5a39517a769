import { afterEach, beforeEach, expect, it } from 'vitest';
import { listImages, showImage } from '../../../src/operations/list-images.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { createFakeImageStore, type FakeImageStore } from '../../support/fake-image-store.ts';
import { createImageCore } from '../../support/image-core.ts';
import { makeImage, publishImage } from '../../support/sample-images.ts';

const IDS = [1, 2, 3].map((number) => `3f1c1d5e-5a6b-4c7d-8e9f-00000000000${number}`);
const [FIRST = '', SECOND = '', THIRD = ''] = IDS;

let store: FakeImageStore;

beforeEach(async () => {
  store = createFakeImageStore();
  await publishImage(store, makeImage(FIRST, { createdAt: '2024-01-01T00:00:00.000Z' }));
  await publishImage(
    store,
    makeImage(SECOND, { createdAt: '2024-02-01T00:00:00.000Z', properties: { image_type: 'imported' } }),
  );
});

afterEach(() => store.dispose());

it('lists images newest first', async () => {
  const images = await listImages(createImageCore({ store }));
  expect(images.map((image) => image.id)).toEqual([SECOND, FIRST]);
});

it('lists only images of the type that was asked for', async () => {
  const core = createImageCore({ store });
  expect((await listImages(core, { type: 'imported' })).map((image) => image.id)).toEqual([SECOND]);
  expect(await listImages(core, { type: 'backup' })).toEqual([]);
});

it('logs an image whose manifest is broken, and lists the others', async () => {
  await publishImage(store, makeImage(THIRD));
  store.breakImage(THIRD, 'its manifest is not JSON');
  const warnings: unknown[] = [];
  const core = createImageCore({ store });
  const log = { ...core.log, warn: (fields: unknown) => void warnings.push(fields) };
  expect(await listImages({ ...core, log })).toHaveLength(2);
  expect(warnings).toEqual([{ imageId: THIRD, reason: 'its manifest is not JSON' }]);
});

it('shows an image by its id in any case, and by its name', async () => {
  const core = createImageCore({ store });
  expect((await showImage(core, FIRST.toUpperCase())).id).toBe(FIRST);
  expect(await showImage(core, 'image 3f1c1d5e').catch((error: unknown) => error)).toMatchObject({
    code: 'AMBIGUOUS_NAME',
  });
});

it('does not know an image that is not there', async () => {
  await expectFailure(showImage(createImageCore({ store }), THIRD), 'IMAGE_NOT_FOUND');
  await expectFailure(showImage(createImageCore({ store }), 'nothing'), 'IMAGE_NOT_FOUND');
});
