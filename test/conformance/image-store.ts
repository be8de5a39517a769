import { createHash, randomUUID } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Image } from '../../src/model/image.ts';
import type { ImageStore } from '../../src/model/ports/image-store.ts';
import { expectFailure } from '../support/expect-failure.ts';
import { fillDraft, makeImage, publishImage } from '../support/sample-images.ts';

export interface StoreUnderTest {
  readonly store: ImageStore;
  readonly dispose: () => Promise<void>;
}

/** What every store must do; stores add tests of their own for how they keep things. */
export function describeImageStore(name: string, makeStore: () => Promise<StoreUnderTest>): void {
  describe(name, () => {
    let subject: StoreUnderTest;
    let store: ImageStore;

    beforeEach(async () => {
      subject = await makeStore();
      store = subject.store;
      await store.assertWritable();
    });
    afterEach(async () => await subject.dispose());

    describe('an image in the making', () => {
      it('is not seen before it is published', async () => {
        const draft = await store.createDraft(randomUUID());
        await fillDraft(draft, makeImage(draft.imageId));
        expect(await store.listImages()).toEqual({ images: [], broken: [] });
        await expectFailure(store.readImage(draft.imageId), 'IMAGE_NOT_FOUND');
        await expectFailure(store.resolveFile(draft.imageId, 'disk-vda.qcow2'), 'IMAGE_NOT_FOUND');
        expect(await store.listDraftIds()).toEqual([draft.imageId]);
      });

      it('is read back exactly as it was published', async () => {
        const image = makeImage(randomUUID());
        await publishImage(store, image);
        expect(await store.readImage(image.id)).toEqual(image);
        expect(await store.listImages()).toEqual({ images: [image], broken: [] });
        expect(await store.listDraftIds()).toEqual([]);
      });

      it('has its files under temporary names until they are sealed', async () => {
        const draft = await store.createDraft(randomUUID());
        const target = draft.path('disk-vda.qcow2');
        expect(target).not.toBe(draft.sealedPath('disk-vda.qcow2'));
        writeFileSync(target, 'disk content');
        expect(existsSync(draft.sealedPath('disk-vda.qcow2'))).toBe(false);
        expect(await draft.seal('disk-vda.qcow2')).toEqual({ sizeBytes: 12 });
        expect(existsSync(target)).toBe(false);
        expect(readFileSync(draft.sealedPath('disk-vda.qcow2'), 'utf8')).toBe('disk content');
      });

      it('takes files in folders of its own', async () => {
        const draft = await store.createDraft(randomUUID());
        writeFileSync(draft.path('tpm/2.0/tpm2-00.permall'), 'state');
        expect(await draft.seal('tpm/2.0/tpm2-00.permall', { isSecret: true })).toEqual({ sizeBytes: 5 });
        expect(readFileSync(draft.sealedPath('tpm/2.0/tpm2-00.permall'), 'utf8')).toBe('state');
      });

      it('can be sealed again, after a restart too, as long as nothing was written anew', async () => {
        const draft = await store.createDraft(randomUUID());
        writeFileSync(draft.path('disk-vda.qcow2'), 'disk content');
        await draft.seal('disk-vda.qcow2');
        expect(await draft.seal('disk-vda.qcow2')).toEqual({ sizeBytes: 12 });
        const again = store.openDraft(draft.imageId);
        expect(await again.seal('disk-vda.qcow2')).toEqual({ sizeBytes: 12 });
        writeFileSync(again.path('disk-vda.qcow2'), 'other');
        expect(await again.seal('disk-vda.qcow2')).toEqual({ sizeBytes: 5 });
        expect(readFileSync(again.sealedPath('disk-vda.qcow2'), 'utf8')).toBe('other');
      });

      it('cannot be sealed where nothing was written', async () => {
        const draft = await store.createDraft(randomUUID());
        await expectFailure(draft.seal('disk-vda.qcow2'), 'STORE_WRITE_FAILED');
      });

      it('takes a file from elsewhere on this host, unless it keeps its files there', async () => {
        const image = makeImage(randomUUID());
        const [disk] = image.disks;
        if (disk === undefined) throw new Error('no disk');
        const source = path.join(store.rootPath, 'elsewhere');
        writeFileSync(source, 'disk content');
        const draft = await store.createDraft(image.id);
        const sealed = await draft.sealFrom(disk.file, source);
        expect(sealed).toEqual(store.keepsFilesHere ? null : { sizeBytes: 12, sha256: sumOf('disk content') });
        if (sealed === null) return;
        expect(await store.openDraft(image.id).sealFrom(disk.file, source)).toMatchObject({ sizeBytes: 12 });
        expect(existsSync(draft.sealedPath(disk.file))).toBe(false);
        await draft.publish({ ...image, disks: [{ ...disk, sizeBytes: 12 }], nvram: null, tpm: [] });
        expect(await store.measureFile(image.id, disk.file)).toBe(12);
        expect(existsSync(draft.sealedPath(disk.file))).toBe(false);
        const wanted = { file: disk.file, target: path.join(store.rootPath, 'back') };
        expect(await store.fetchFile(image.id, wanted)).toEqual({ sha256: sumOf('disk content') });
        expect(readFileSync(wanted.target, 'utf8')).toBe('disk content');
        expect(existsSync(draft.sealedPath(disk.file))).toBe(false);
        await expectFailure(store.fetchFile(image.id, wanted), 'STORE_WRITE_FAILED');
        expect(readFileSync(wanted.target, 'utf8')).toBe('disk content');
        expect(readFileSync(source, 'utf8')).toBe('disk content');
        expect(readFileSync(await store.resolveFile(image.id, disk.file), 'utf8')).toBe('disk content');
      });

      it('takes what is written anew from elsewhere instead of what was sealed before', async () => {
        const draft = await store.createDraft(randomUUID());
        const source = path.join(store.rootPath, 'elsewhere');
        writeFileSync(draft.path('disk-vda.qcow2'), 'old content');
        await draft.seal('disk-vda.qcow2');
        writeFileSync(source, 'new content');
        if ((await draft.sealFrom('disk-vda.qcow2', source)) === null) return;
        expect(existsSync(draft.sealedPath('disk-vda.qcow2'))).toBe(false);
        await expectFailure(draft.sealFrom('disk-vda.qcow2', `${source}.not`), 'STORE_WRITE_FAILED');
      });

      it('cannot be published without all of its files', async () => {
        const draft = await store.createDraft(randomUUID());
        await expectFailure(draft.publish(makeImage(draft.imageId)), 'STORE_WRITE_FAILED');
        expect(await store.listImages()).toEqual({ images: [], broken: [] });
      });

      it('cannot be published under the id of another, without disks, or with files outside of it', async () => {
        const draft = await store.createDraft(randomUUID());
        const image = makeImage(draft.imageId);
        await fillDraft(draft, image);
        await expectFailure(draft.publish({ ...image, id: randomUUID() }), 'INTERNAL');
        await expectFailure(draft.publish({ ...image, disks: [] }), 'INTERNAL');
        const disks = image.disks.map((disk) => ({ ...disk, file: '../stolen' }));
        await expectFailure(draft.publish({ ...image, disks }), 'INTERNAL');
        expect(await store.listDraftIds()).toEqual([draft.imageId]);
      });

      it('leaves nothing when it is discarded, at once or after a restart, and twice is no error', async () => {
        const first = await store.createDraft(randomUUID());
        await fillDraft(first, makeImage(first.imageId));
        writeFileSync(first.path('disk-vdb.qcow2'), 'half a disk');
        await first.discard();
        await first.discard();
        const second = await store.createDraft(randomUUID());
        writeFileSync(second.path('tpm/state'), 'x');
        await store.openDraft(second.imageId).discard();
        expect(await store.listDraftIds()).toEqual([]);
        for (const draft of [first, second]) {
          expect(existsSync(path.dirname(draft.sealedPath('disk-vda.qcow2')))).toBe(false);
        }
      });

      it('can be discarded where there is none', async () => {
        await store.openDraft(randomUUID()).discard();
        expect(await store.listDraftIds()).toEqual([]);
      });

      it('cannot be discarded, published or made again once it is published', async () => {
        const image = makeImage(randomUUID());
        await publishImage(store, image);
        await expectFailure(store.openDraft(image.id).discard(), 'IMAGE_STATE');
        await expectFailure(store.openDraft(image.id).publish(image), 'IMAGE_STATE');
        await expectFailure(store.createDraft(image.id), 'IMAGE_STATE');
        expect(await store.readImage(image.id)).toEqual(image);
      });

      it('cannot be made twice under one id', async () => {
        const draft = await store.createDraft(randomUUID());
        await expectFailure(store.createDraft(draft.imageId), 'IMAGE_STATE');
      });
    });

    describe('published images', () => {
      it('are listed newest first', async () => {
        const times = ['2024-05-01T10:00:00Z', '2024-05-01T10:00:00.500Z', '2023-01-01T00:00:00.000Z'];
        for (const createdAt of times) await publishImage(store, { ...makeImage(randomUUID()), createdAt });
        const { images } = await store.listImages();
        expect(images.map((image) => image.createdAt)).toEqual([times[1], times[0], times[2]]);
      });

      it('keep names and descriptions of any alphabet', async () => {
        const name = `Абв 日本語 🐧 ${'é'.repeat(200)}`;
        const image = {
          ...makeImage(randomUUID()),
          name,
          description: 'mit Ümläuten\nund Zeilen',
          properties: { キー: '値' },
        };
        await publishImage(store, image);
        expect(await store.readImage(image.id)).toEqual(image);
      });

      it('keep every optional part: firmware variables, TPM state, left-out disks, unknown checksums, no consistency', async () => {
        const digest = 'b'.repeat(64);
        const plain = makeImage(randomUUID());
        const image: Image = {
          ...plain,
          checksum: { algorithm: 'sha256', value: null },
          consistency: null,
          disks: plain.disks.map((disk) => ({ ...disk, sha256: null })),
          skippedDisks: [{ target: 'sda', device: 'cdrom', reason: 'cdrom' }],
          nvram: { file: 'nvram.fd', sizeBytes: 8, sha256: digest },
          tpm: [{ file: 'tpm/tpm2-00.permall', sizeBytes: 19, sha256: digest }],
        };
        await publishImage(store, image);
        expect(await store.readImage(image.id)).toEqual(image);
      });

      it('resolve their files to paths that can be read', async () => {
        const image = makeImage(randomUUID());
        await publishImage(store, image);
        expect(readFileSync(await store.resolveFile(image.id, 'disk-vda.qcow2'), 'utf8')).toBe('disk-vda.qcow2');
      });

      it('say how long their files are', async () => {
        const image = makeImage(randomUUID());
        await publishImage(store, image);
        expect(await store.measureFile(image.id, 'disk-vda.qcow2')).toBe('disk-vda.qcow2'.length);
        expect(await store.measureFile(image.id, 'disk-vdb.qcow2')).toBeNull();
        await expectFailure(store.measureFile(randomUUID(), 'disk-vda.qcow2'), 'IMAGE_NOT_FOUND');
      });

      it('are damaged where a file is missing', async () => {
        const image = makeImage(randomUUID());
        await publishImage(store, image);
        await expectFailure(store.resolveFile(image.id, 'disk-vdb.qcow2'), 'IMAGE_DAMAGED');
        const target = path.join(store.rootPath, 'not-fetched');
        expect(await store.fetchFile(image.id, { file: 'disk-vda.qcow2', target })).toBe('here');
        expect(existsSync(target)).toBe(false);
      });

      it('change by an update, which others see whole or not at all', async () => {
        const image = makeImage(randomUUID());
        await publishImage(store, image);
        const state = { isDone: false };
        const seen = new Set<string>();
        const reader = readUntil(state, async () => {
          for (const found of (await store.listImages()).images) seen.add(found.name);
          expect((await store.listImages()).broken).toEqual([]);
          expect((await store.readImage(image.id)).disks).toEqual(image.disks);
        });
        for (let turn = 1; turn <= 200; turn += 1) {
          await store.updateImage({ ...image, name: `name ${turn}`, description: 'x'.repeat(turn * 20) });
        }
        state.isDone = true;
        await reader;
        expect((await store.readImage(image.id)).name).toBe('name 200');
        expect([...seen].every((name) => /^name \d+$/.test(name) || name === image.name)).toBe(true);
      });

      it('cannot be updated when they are not there, or to something that is no image', async () => {
        await expectFailure(store.updateImage(makeImage(randomUUID())), 'IMAGE_NOT_FOUND');
        const image = makeImage(randomUUID());
        await publishImage(store, image);
        await expectFailure(store.updateImage({ ...image, disks: [] }), 'INTERNAL');
        expect(await store.readImage(image.id)).toEqual(image);
      });

      it('are gone with all their files after a delete, and a second delete is no error', async () => {
        const [kept, image] = [makeImage(randomUUID()), makeImage(randomUUID())];
        for (const each of [kept, image]) await publishImage(store, each);
        const file = await store.resolveFile(image.id, 'disk-vda.qcow2');
        await store.deleteImage(image.id);
        await store.deleteImage(image.id);
        expect(existsSync(path.dirname(file))).toBe(false);
        expect(await store.listImages()).toEqual({ images: [kept], broken: [] });
        expect(await store.listDraftIds()).toEqual([]);
        await expectFailure(store.readImage(image.id), 'IMAGE_NOT_FOUND');
      });

      it('finish being deleted where a delete was cut short', async () => {
        const draft = await store.createDraft(randomUUID());
        await fillDraft(draft, makeImage(draft.imageId));
        await store.deleteImage(draft.imageId);
        expect(await store.listDraftIds()).toEqual([]);
      });

      it('can be made by many at once', async () => {
        const images = Array.from({ length: 20 }, () => makeImage(randomUUID()));
        await Promise.all(images.map((image) => publishImage(store, image)));
        const found = (await store.listImages()).images.map((image) => image.id);
        expect(found.sort()).toEqual(images.map((image) => image.id).sort());
      });
    });

    describe('users of an image', () => {
      const user = {
        instanceId: randomUUID(),
        instanceName: 'ein Gast',
        host: 'host-1',
        since: '2024-01-01T00:00:00Z',
      };

      it('are added, replaced, listed and removed', async () => {
        const image = makeImage(randomUUID());
        await publishImage(store, image);
        expect(await store.listUsers(image.id)).toEqual([]);
        const other = { ...user, instanceId: randomUUID(), host: 'host-2' };
        await store.addUser(image.id, user);
        await store.addUser(image.id, other);
        await store.addUser(image.id, { ...user, instanceName: 'renamed' });
        const listed = await store.listUsers(image.id);
        expect(new Set(listed)).toEqual(new Set([{ ...user, instanceName: 'renamed' }, other]));
        await store.removeUser(image.id, user.instanceId);
        await store.removeUser(image.id, user.instanceId);
        expect(await store.listUsers(image.id)).toEqual([other]);
        expect(await store.readImage(image.id)).toEqual(image);
      });

      it('cannot be added to an image that is not there, and are none of it', async () => {
        const imageId = randomUUID();
        await expectFailure(store.addUser(imageId, user), 'IMAGE_NOT_FOUND');
        expect(await store.listUsers(imageId)).toEqual([]);
        await store.removeUser(imageId, user.instanceId);
        expect(await store.listDraftIds()).toEqual([]);
      });

      it('must be named by a UUID', async () => {
        const image = makeImage(randomUUID());
        await publishImage(store, image);
        await expectFailure(store.addUser(image.id, { ...user, instanceId: '../../x' }), 'INVALID_REQUEST');
      });
    });

    describe('names that try to leave the store', () => {
      const uuid = 'abcdef01-2222-4333-8444-555555555555';
      const badIds = ['', '.', '..', '../x', '/etc', 'images', uuid.toUpperCase(), `${uuid}/..`, `../${uuid}`];

      it.each(badIds)('never become a path: image id %j', async (id) => {
        await expectFailure(store.readImage(id), 'IMAGE_NOT_FOUND');
        await expectFailure(store.createDraft(id), 'IMAGE_NOT_FOUND');
        await expectFailure(store.deleteImage(id), 'IMAGE_NOT_FOUND');
        await expectFailure(store.resolveFile(id, 'disk-vda.qcow2'), 'IMAGE_NOT_FOUND');
        await expectFailure(store.listUsers(id), 'IMAGE_NOT_FOUND');
        expect(() => store.openDraft(id)).toThrow('no image');
      });

      const badFiles = [
        '',
        '.',
        '..',
        '../x',
        '/etc/passwd',
        'a/../../x',
        'a//b',
        'a/',
        'manifest.json',
        'users/x',
        'a\0b',
        'a b',
      ];

      it.each(badFiles)('never become a path: file %j', async (file) => {
        const image = makeImage(randomUUID());
        await publishImage(store, image);
        await expectFailure(store.resolveFile(image.id, file), 'IMAGE_DAMAGED');
        const draft = await store.createDraft(randomUUID());
        expect(() => draft.path(file)).toThrow('not a name');
        expect(() => draft.sealedPath(file)).toThrow('not a name');
      });
    });

    it('tells how much space is left', async () => {
      expect(await store.freeBytes()).toBeGreaterThan(0);
    });
  });
}

async function readUntil(state: { readonly isDone: boolean }, read: () => Promise<void>): Promise<void> {
  while (!state.isDone) {
    await read();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function sumOf(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}
