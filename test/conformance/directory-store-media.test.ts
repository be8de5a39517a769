import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDirectoryStore } from '../../src/drivers/stores/directory/directory-store.ts';
import type { ImageStore } from '../../src/model/ports/image-store.ts';
import { expectFailure } from '../support/expect-failure.ts';
import { fillDraft, makeImage, publishImage } from '../support/sample-images.ts';

/** A small file system in memory, mounted for real. */
describe('the directory store on a file system', () => {
  let root: string;
  let store: ImageStore;

  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), 'dr-st-media-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'dr-st-media', root]);
    store = createDirectoryStore({ location: root, imageGroup: 'kvm' });
  });
  afterEach(() => {
    execFileSync('umount', [root]);
    rmSync(root, { recursive: true });
  });

  function fill(): void {
    try {
      writeFileSync(path.join(root, 'ballast'), Buffer.alloc(2 * 1024 * 1024));
    } catch {
      // Full is what we want.
    }
  }

  describe('that is mounted read-only', () => {
    const image = makeImage(randomUUID());

    beforeEach(async () => {
      await publishImage(store, image);
      execFileSync('mount', ['-o', 'remount,ro', root]);
    });

    it('is refused before work starts, with a remedy', async () => {
      const failure = await expectFailure(store.assertWritable(), 'STORE_UNUSABLE');
      expect(failure.message).toContain(root);
      expect(failure.message).toContain('mounted read-only: mount it writable');
      await expectFailure(store.createDraft(randomUUID()), 'STORE_UNUSABLE');
    });

    it('can still be read', async () => {
      expect(await store.listImages()).toEqual({ images: [image], broken: [] });
      expect(await store.readImage(image.id)).toEqual(image);
      expect(await store.resolveFile(image.id, 'disk-vda.qcow2')).toContain(image.id);
    });

    it('fails every change and loses nothing by it', async () => {
      const user = { instanceId: randomUUID(), instanceName: 'n', host: 'h', since: 's' };
      await expectFailure(store.updateImage({ ...image, name: 'new' }), 'STORE_WRITE_FAILED');
      await expectFailure(store.deleteImage(image.id), 'STORE_WRITE_FAILED');
      await expectFailure(store.addUser(image.id, user), 'STORE_WRITE_FAILED');
      expect(await store.readImage(image.id)).toEqual(image);
    });
  });

  describe('that is full', () => {
    it('is refused before work starts', async () => {
      await store.assertWritable();
      fill();
      expect(await store.freeBytes()).toBe(0);
      await expectFailure(store.assertWritable(), 'NO_SPACE');
      expect(readdirSync(path.join(root, 'images'))).toEqual([]);
    });

    it('publishes no image, and the draft can be discarded', async () => {
      const draft = await store.createDraft(randomUUID());
      const image = makeImage(draft.imageId);
      await fillDraft(draft, image);
      fill();
      await expectFailure(draft.publish(image), 'NO_SPACE');
      expect(await store.listImages()).toEqual({ images: [], broken: [] });
      await draft.discard();
      expect(readdirSync(path.join(root, 'images'))).toEqual([]);
    });

    it('keeps the old manifest where a new one cannot be written, and leaves no part of it', async () => {
      const image = makeImage(randomUUID());
      await publishImage(store, image);
      fill();
      await expectFailure(store.updateImage({ ...image, description: 'x'.repeat(9000) }), 'NO_SPACE');
      expect(await store.readImage(image.id)).toEqual(image);
      expect(readdirSync(path.join(root, 'images', image.id)).sort()).toEqual(['disk-vda.qcow2', 'manifest.json']);
    });

    it('can be made room on by deleting an image', async () => {
      const image = makeImage(randomUUID());
      await publishImage(store, image);
      fill();
      await store.deleteImage(image.id);
      expect(await store.listImages()).toEqual({ images: [], broken: [] });
      await store.assertWritable();
    });
  });
});
