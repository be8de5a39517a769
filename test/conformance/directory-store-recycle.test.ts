import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDirectoryStore } from '../../src/drivers/stores/directory/directory-store.ts';
import type { Image } from '../../src/model/image.ts';
import type { ImageStore } from '../../src/model/ports/image-store.ts';
import { expectFailure } from '../support/expect-failure.ts';
import { makeImage, publishImage } from '../support/sample-images.ts';
import type { StoreUnderTest } from './image-store.ts';
import { describeRecycling, describeRecyclingApart } from './recycled-images.ts';

const DRIVER = new URL('../../dist/drivers/stores/directory/directory-store.js', import.meta.url).href;
const SCRIPT = fileURLToPath(new URL('../support/killed-store.mjs', import.meta.url));
const NOTE = { deletedAt: '2026-03-01T12:00:00.000Z', deletedBy: 'ann', expiresAt: '2026-03-08T12:00:00.000Z' };
const MAX_CHANGES = 40;
const ROUNDS = 60;

let root: string;
let store: ImageStore;
let image: Image;

async function makeFreshStore(): Promise<StoreUnderTest> {
  const folder = mkdtempSync(path.join(tmpdir(), 'dr-st-recycle-'));
  const made = createDirectoryStore({ location: path.join(folder, 'store'), imageGroup: 'kvm' });
  return { store: made, dispose: async () => rmSync(folder, { recursive: true, force: true }) };
}

describeRecycling('the directory store', makeFreshStore);
describeRecyclingApart('the directory store', makeFreshStore);

beforeEach(async () => {
  root = mkdtempSync(path.join(tmpdir(), 'dr-st-recycle-'));
  store = createDirectoryStore({ location: root, imageGroup: 'kvm' });
  image = makeImage(randomUUID(), { status: 'deleting' });
  await publishImage(store, image);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const recycledFolder = () => path.join(root, 'recycle', image.id);

describe('a recycled image on disk', () => {
  it('lies in a folder that only root looks into, with a note beside its manifest', async () => {
    await store.recycleImage(image.id, NOTE);
    expect(statSync(path.join(root, 'recycle')).mode & 0o777).toBe(0o700);
    expect(readdirSync(recycledFolder()).sort()).toEqual(['disk-vda.qcow2', 'manifest.json', 'recycled.json']);
    expect(readdirSync(path.join(root, 'images'))).toEqual([]);
  });

  it('leaves nothing of its deletion when it comes back', async () => {
    await store.recycleImage(image.id, NOTE);
    await store.restoreImage(image.id);
    expect(readdirSync(path.join(root, 'images', image.id)).sort()).toEqual(['disk-vda.qcow2', 'manifest.json']);
    expect(readdirSync(path.join(root, 'recycle'))).toEqual([]);
  });

  it.each(['recycled.json', 'manifest.json'])('is told of when its %s is broken, and can be purged', async (file) => {
    const other = makeImage(randomUUID());
    await publishImage(store, other);
    for (const { id } of [image, other]) await store.recycleImage(id, NOTE);
    rmSync(path.join(recycledFolder(), file));
    writeFileSync(path.join(recycledFolder(), file), '{}');
    const { recycled, broken } = await store.listRecycled();
    expect(recycled.map(({ id }) => id)).toEqual([other.id]);
    expect(broken).toEqual([{ id: image.id, reason: expect.any(String) }]);
    await store.purgeRecycled(image.id);
    expect((await store.listRecycled()).broken).toEqual([]);
  });

  it('with a broken manifest does not come back', async () => {
    await store.recycleImage(image.id, NOTE);
    rmSync(path.join(recycledFolder(), 'manifest.json'));
    writeFileSync(path.join(recycledFolder(), 'manifest.json'), '{}');
    await expectFailure(store.restoreImage(image.id), 'IMAGE_DAMAGED');
    expect((await store.listImages()).images).toEqual([]);
    expect((await store.listRecycled()).broken).toHaveLength(1);
  });

  it('is purged without what its links point to', async () => {
    const outside = path.join(root, 'outside');
    mkdirSync(outside);
    writeFileSync(path.join(outside, 'precious'), '');
    await store.recycleImage(image.id, NOTE);
    symlinkSync(outside, path.join(recycledFolder(), 'link'));
    await store.purgeRecycled(image.id);
    expect(readdirSync(outside)).toEqual(['precious']);
  });

  it('was never one whose folder is a link', async () => {
    const id = randomUUID();
    symlinkSync(path.join(root, 'images', image.id), path.join(root, 'images', id));
    await expectFailure(store.recycleImage(id, NOTE), 'IMAGE_DAMAGED');
  });
});

/** Calls a method in a process that dies before its nth change. False when it came to its end. */
function killAt(count: number, method: string, args: readonly unknown[]): boolean {
  const child = spawnSync(process.execPath, [SCRIPT, DRIVER, root, String(count), method, JSON.stringify(args)], {
    encoding: 'utf8',
  });
  if (child.signal === 'SIGKILL') return true;
  if (child.status !== 0) throw new Error(child.stderr);
  return false;
}

/** Where it is now, whole; it must be in exactly one place, or have begun to go for good. */
async function locate(): Promise<'image' | 'recycled' | 'gone'> {
  const [{ images, broken }, bin] = [await store.listImages(), await store.listRecycled()];
  expect([...broken, ...bin.broken]).toEqual([]);
  expect(await store.listDraftIds()).toEqual([]);
  const places = [...images.map(() => 'image' as const), ...bin.recycled.map(() => 'recycled' as const)];
  expect(places.length).toBeLessThan(2);
  const [place = 'gone'] = places;
  if (place === 'recycled') expect(existsSync(path.join(recycledFolder(), 'disk-vda.qcow2'))).toBe(true);
  if (place === 'image') await store.resolveFile(image.id, 'disk-vda.qcow2');
  return place;
}

describe('a process that is killed between any two steps', () => {
  /** Kills before every change there is, and gives where the image was found each time. */
  async function killEverywhere(
    method: 'recycleImage' | 'restoreImage' | 'purgeRecycled',
    turn: { readonly before: () => Promise<void>; readonly after: () => Promise<void> },
  ): Promise<readonly string[]> {
    const places: string[] = [];
    const args = method === 'recycleImage' ? [image.id, NOTE] : [image.id];
    for (let count = 1; count < MAX_CHANGES; count += 1) {
      await turn.before();
      const isKilled = killAt(count, method, args);
      places.push(await locate());
      await turn.after();
      if (!isKilled) return places;
    }
    throw new Error('it never came to its end');
  }

  it('leaves an image that is deleted by the next try, or one that is deleted', async () => {
    const places = await killEverywhere('recycleImage', {
      before: async () => undefined,
      after: async () => {
        await store.recycleImage(image.id, NOTE);
        expect(await locate()).toBe('recycled');
        await store.restoreImage(image.id);
      },
    });
    expect(new Set(places)).toEqual(new Set(['image', 'recycled']));
    expect(places.join(' ')).toMatch(/^(image )+(recycled ?)+$/);
  });

  it('leaves a deleted image that comes back by the next try, or one that is back', async () => {
    const places = await killEverywhere('restoreImage', {
      before: () => store.recycleImage(image.id, NOTE),
      after: async () => {
        await store.restoreImage(image.id);
        expect(await locate()).toBe('image');
        expect((await store.readImage(image.id)).status).toBe('active');
        await store.updateImage({ ...image, status: 'deleting' });
      },
    });
    expect(places.join(' ')).toMatch(/^(recycled )+(image ?)+$/);
  });

  it('leaves a deleted image, or the rest of one that the next purge takes away', async () => {
    const places = await killEverywhere('purgeRecycled', {
      before: async () => {
        await publishImage(store, image).catch(() => undefined);
        await store.recycleImage(image.id, NOTE);
      },
      after: async () => {
        const { recycled, halfPurgedIds } = await store.listRecycled();
        for (const id of [...halfPurgedIds, ...recycled.map((each) => each.id)]) await store.purgeRecycled(id);
        expect(readdirSync(path.join(root, 'recycle'))).toEqual([]);
      },
    });
    expect(places.join(' ')).toMatch(/^(recycled )+(gone ?)+$/);
  });

  it('never has a half of an image brought back', async () => {
    await store.recycleImage(image.id, NOTE);
    let count = 1;
    while (killAt(count, 'purgeRecycled', [image.id]) && (await store.listRecycled()).halfPurgedIds.length === 0)
      count += 1;
    expect((await store.listRecycled()).halfPurgedIds).toEqual([image.id]);
    await expectFailure(store.restoreImage(image.id), 'IMAGE_NOT_FOUND');
    expect((await store.listImages()).images).toEqual([]);
  });
});

describe('two hosts that share a store', () => {
  let other: ImageStore;
  beforeEach(() => {
    other = createDirectoryStore({ location: root, imageGroup: 'kvm' });
  });

  it('delete one image at once, and it is deleted once', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      await Promise.all([store.recycleImage(image.id, NOTE), other.recycleImage(image.id, NOTE)]);
      expect(await locate()).toBe('recycled');
      await store.restoreImage(image.id);
    }
  });

  it('bring one image back at once, and it is back once', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      await store.recycleImage(image.id, NOTE);
      await Promise.all([store.restoreImage(image.id), other.restoreImage(image.id)]);
      expect(await locate()).toBe('image');
    }
  });

  it('purge one image at once, and nothing is left', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      await store.recycleImage(image.id, NOTE);
      await Promise.all([store.purgeRecycled(image.id), other.purgeRecycled(image.id)]);
      expect(readdirSync(path.join(root, 'recycle'))).toEqual([]);
      await publishImage(store, image);
    }
  });

  it('purge and bring back one image at once, and it is back whole or gone', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      await store.recycleImage(image.id, NOTE);
      const [restored] = await Promise.allSettled([
        store.restoreImage(image.id),
        // neither always comes first
        new Promise((resolve) => setTimeout(resolve, (round % 12) / 4)).then(() => other.purgeRecycled(image.id)),
      ]);
      const place = await locate();
      expect(place).toBe(restored.status === 'fulfilled' ? 'image' : 'gone');
      if (restored.status === 'rejected') expect(restored.reason).toMatchObject({ code: 'IMAGE_NOT_FOUND' });
      if (place === 'gone') await publishImage(store, image);
    }
  });
});
