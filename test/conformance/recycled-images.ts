import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Image } from '../../src/model/image.ts';
import type { ImageStore } from '../../src/model/ports/image-store.ts';
import { expectFailure } from '../support/expect-failure.ts';
import { makeImage, publishImage } from '../support/sample-images.ts';
import type { StoreUnderTest } from './image-store.ts';

const NOTE = { deletedAt: '2026-03-01T12:00:00.000Z', deletedBy: 'ann', expiresAt: '2026-03-08T12:00:00.000Z' };

/** What every store must do with deleted images that can be brought back. */
export function describeRecycling(name: string, makeStore: () => Promise<StoreUnderTest>): void {
  describe(`deleted images of ${name}`, () => {
    let subject: StoreUnderTest;
    let store: ImageStore;

    beforeEach(async () => {
      subject = await makeStore();
      store = subject.store;
      await store.assertWritable();
    });
    afterEach(async () => await subject.dispose());

    async function publish(changes: Partial<Image> = {}): Promise<Image> {
      const image = makeImage(randomUUID(), changes);
      await publishImage(store, image);
      return image;
    }

    it('are none where nothing was deleted', async () => {
      expect(await store.listRecycled()).toEqual({ recycled: [], broken: [], halfPurgedIds: [] });
    });

    it('are no images and no drafts any more, and are listed as what they were', async () => {
      const [image, other] = [await publish({ status: 'deleting' }), await publish()];
      await store.recycleImage(image.id, NOTE);
      expect(await store.listImages()).toEqual({ images: [other], broken: [] });
      expect(await store.listDraftIds()).toEqual([]);
      await expectFailure(store.readImage(image.id), 'IMAGE_NOT_FOUND');
      await expectFailure(store.resolveFile(image.id, 'disk-vda.qcow2'), 'IMAGE_NOT_FOUND');
      expect((await store.listRecycled()).recycled).toEqual([
        { id: image.id, image, sizeBytes: image.sizeBytes, ...NOTE },
      ]);
    });

    it('are listed in the order of their deletion', async () => {
      const images = [await publish(), await publish(), await publish()];
      const days = ['03', '01', '02'];
      for (const [index, { id }] of images.entries())
        await store.recycleImage(id, { ...NOTE, deletedAt: `2026-03-${days[index]}T00:00:00.000Z` });
      const listed = (await store.listRecycled()).recycled.map(({ id }) => id);
      expect(listed).toEqual([images[1]?.id, images[2]?.id, images[0]?.id]);
    });

    it('come back active, with all their files', async () => {
      const image = await publish({ status: 'deleting' });
      await store.recycleImage(image.id, NOTE);
      await store.restoreImage(image.id);
      expect(await store.readImage(image.id)).toEqual({ ...image, status: 'active' });
      expect(readFileSync(await store.resolveFile(image.id, 'disk-vda.qcow2'), 'utf8')).toBe('disk-vda.qcow2');
      expect((await store.listRecycled()).recycled).toEqual([]);
    });

    it('can be deleted again after they came back, under the new note', async () => {
      const image = await publish();
      await store.recycleImage(image.id, NOTE);
      await store.restoreImage(image.id);
      await store.recycleImage(image.id, { ...NOTE, deletedBy: null });
      expect((await store.listRecycled()).recycled).toMatchObject([{ id: image.id, deletedBy: null }]);
    });

    it('are gone with all their files after a purge', async () => {
      const image = await publish();
      const file = await store.resolveFile(image.id, 'disk-vda.qcow2');
      await store.recycleImage(image.id, NOTE);
      await store.purgeRecycled(image.id);
      expect(await store.listRecycled()).toEqual({ recycled: [], broken: [], halfPurgedIds: [] });
      expect(existsSync(path.dirname(file))).toBe(false);
      expect(existsSync(path.join(store.rootPath, 'recycle', image.id))).toBe(false);
      await expectFailure(store.restoreImage(image.id), 'IMAGE_NOT_FOUND');
    });

    it('may be recycled, restored and purged twice', async () => {
      const image = await publish();
      for (let turn = 0; turn < 2; turn += 1) await store.recycleImage(image.id, NOTE);
      for (let turn = 0; turn < 2; turn += 1) await store.restoreImage(image.id);
      await store.recycleImage(image.id, NOTE);
      for (let turn = 0; turn < 2; turn += 1) await store.purgeRecycled(image.id);
      expect((await store.listRecycled()).recycled).toEqual([]);
    });

    it('do not keep an image alive that was never deleted, nor a draft', async () => {
      const draft = await store.createDraft(randomUUID());
      const image = await publish();
      for (const id of [draft.imageId, image.id]) await store.purgeRecycled(id);
      expect(await store.readImage(image.id)).toEqual(image);
      expect(await store.listDraftIds()).toEqual([draft.imageId]);
      await expectFailure(store.recycleImage(draft.imageId, NOTE), 'IMAGE_NOT_FOUND');
      await expectFailure(store.restoreImage(draft.imageId), 'IMAGE_NOT_FOUND');
      expect(await store.listDraftIds()).toEqual([draft.imageId]);
    });

    it.each(['', '..', '../x', '/etc', 'images'])('are never named by a path: %j', async (id) => {
      await expectFailure(store.recycleImage(id, NOTE), 'IMAGE_NOT_FOUND');
      await expectFailure(store.restoreImage(id), 'IMAGE_NOT_FOUND');
      await expectFailure(store.purgeRecycled(id), 'IMAGE_NOT_FOUND');
    });
  });
}

/** Of stores that keep deleted images in a place of their own: another image of the same id can be made meanwhile. */
export function describeRecyclingApart(name: string, makeStore: () => Promise<StoreUnderTest>): void {
  describe(`deleted images of ${name}, which lie apart`, () => {
    it('do not come back over an image of the same id, and make way for its deletion', async () => {
      const { store, dispose } = await makeStore();
      try {
        await store.assertWritable();
        const image = makeImage(randomUUID(), { description: 'first' });
        await publishImage(store, image);
        await store.recycleImage(image.id, NOTE);
        const copy = { ...image, description: 'second' };
        await publishImage(store, copy);
        await expectFailure(store.restoreImage(image.id), 'IMAGE_STATE');
        expect(await store.readImage(image.id)).toEqual(copy);
        await store.recycleImage(image.id, NOTE);
        expect((await store.listRecycled()).recycled).toMatchObject([{ image: { description: 'second' } }]);
      } finally {
        await dispose();
      }
    });
  });
}

/** Of stores where their files stay where they are: nobody makes another image of the same id over them. */
export function describeRecyclingInPlace(name: string, makeStore: () => Promise<StoreUnderTest>): void {
  describe(`deleted images of ${name}, whose files stay where they are`, () => {
    it('keep others from making an image of the same id until they come back or are purged', async () => {
      const { store, dispose } = await makeStore();
      try {
        await store.assertWritable();
        const image = makeImage(randomUUID());
        await publishImage(store, image);
        await store.recycleImage(image.id, NOTE);
        const failure = await expectFailure(store.createDraft(image.id), 'IMAGE_STATE');
        expect(failure.message).toContain('deleted');
        await expectFailure(store.openDraft(image.id).discard(), 'IMAGE_STATE');
        await store.deleteImage(image.id);
        expect((await store.listRecycled()).recycled).toMatchObject([{ id: image.id }]);
        await store.purgeRecycled(image.id);
        await publishImage(store, image);
        expect(await store.readImage(image.id)).toEqual(image);
      } finally {
        await dispose();
      }
    });
  });
}
