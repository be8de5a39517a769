import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Image } from '../../../src/model/image.ts';
import type { ImageStore } from '../../../src/model/ports/image-store.ts';
import type { FakeObject } from '../../support/fake-bucket.ts';
import { fillDraft, makeImage, publishImage } from '../../support/sample-images.ts';
import { makeHost, type TestHost } from '../../unit/drivers/stores/s3/images/failing-bucket.ts';

const NOTE = { deletedAt: '2026-03-01T12:00:00.000Z', deletedBy: 'ann', expiresAt: '2026-03-08T12:00:00.000Z' };
const MAX_CHANGES = 30;

let objects: Map<string, FakeObject>;
let hosts: TestHost[];
let image: Image;

beforeEach(() => {
  objects = new Map();
  hosts = [];
  image = makeImage(randomUUID(), { status: 'deleting' });
});
afterEach(() => {
  for (const host of hosts) host.dispose();
});

function host(isCut: (call: string) => boolean = () => false): TestHost {
  const made = makeHost(objects, { isCut });
  hosts.push(made);
  return made;
}

/** A host that dies before its nth change of the bucket. */
function dyingHost(count: number): TestHost {
  let left = count;
  return host(() => {
    left -= 1;
    return left <= 0;
  });
}

/** As a host that was not there sees it: in one place, or on its way for good. */
async function locate(): Promise<'image' | 'recycled' | 'draft' | 'purging' | 'gone'> {
  const { store } = host();
  const [{ images, broken }, bin] = [await store.listImages(), await store.listRecycled()];
  expect([...broken, ...bin.broken]).toEqual([]);
  const places = [
    ...images.map(() => 'image' as const),
    ...bin.recycled.map(() => 'recycled' as const),
    ...bin.halfPurgedIds.map(() => 'purging' as const),
    ...(await store.listDraftIds()).map(() => 'draft' as const),
  ];
  expect(places.length).toBeLessThan(2);
  const [place = 'gone'] = places;
  if (place === 'image') await store.resolveFile(image.id, 'disk-vda.qcow2');
  if (place === 'recycled') expect(objects.has(`images/${image.id}/disk-vda.qcow2`)).toBe(true);
  return place;
}

/** Dies before every change there is, and gives where the image was found each time. */
async function dieEverywhere(
  act: (store: ImageStore) => Promise<void>,
  turn: { readonly before: (store: ImageStore) => Promise<void>; readonly after: (store: ImageStore) => Promise<void> },
): Promise<string> {
  const places: string[] = [];
  for (let count = 1; count < MAX_CHANGES; count += 1) {
    objects.clear();
    await turn.before(host().store);
    const hasDied = await act(dyingHost(count).store).then(
      () => false,
      () => true,
    );
    places.push(await locate());
    await turn.after(host().store);
    // what is done once everything else is done may fail, and nobody hears of it
    if (!hasDied && count > 12) return places.join(' ');
  }
  throw new Error('it never came to its end');
}

const allButLog = () => [...objects.keys()].filter((key) => key !== 'images/.changes');

describe('a host that dies between any two steps', () => {
  it('leaves a draft that can be discarded, or an image', async () => {
    const places = await dieEverywhere((store) => publishImage(store, image), {
      before: async () => undefined,
      after: async (store) => {
        if ((await locate()) === 'image') return;
        await store.openDraft(image.id).discard();
        expect(allButLog()).toEqual([]);
      },
    });
    expect(places).toMatch(/^gone (draft )+(image ?)+$/);
  });

  it('leaves a draft that another try completes', async () => {
    await dieEverywhere((store) => publishImage(store, image), {
      before: async () => undefined,
      after: async (store) => {
        const place = await locate();
        if (place === 'image') return;
        const draft = place === 'gone' ? await store.createDraft(image.id) : store.openDraft(image.id);
        await fillDraft(draft, image);
        await draft.publish(image);
        expect(await locate()).toBe('image');
      },
    });
  });

  it('leaves a draft that the next discard removes', async () => {
    const places = await dieEverywhere((store) => store.openDraft(image.id).discard(), {
      before: async (store) => {
        await fillDraft(await store.createDraft(image.id), image);
      },
      after: async (store) => {
        await store.openDraft(image.id).discard();
        expect(allButLog()).toEqual([]);
      },
    });
    expect(places).toMatch(/^(draft )+(gone ?)+$/);
  });

  it('leaves an image that is deleted by the next try, or one that is deleted', async () => {
    const places = await dieEverywhere((store) => store.recycleImage(image.id, NOTE), {
      before: (store) => publishImage(store, image),
      after: async (store) => {
        await store.recycleImage(image.id, NOTE);
        expect(await locate()).toBe('recycled');
      },
    });
    expect(places).toMatch(/^(image )+(recycled ?)+$/);
  });

  it('leaves a deleted image that comes back by the next try, or one that is back', async () => {
    const places = await dieEverywhere((store) => store.restoreImage(image.id), {
      before: async (store) => {
        await publishImage(store, image);
        await store.recycleImage(image.id, NOTE);
      },
      after: async (store) => {
        await store.restoreImage(image.id);
        expect(await locate()).toBe('image');
        expect((await store.readImage(image.id)).status).toBe('active');
      },
    });
    expect(places).toMatch(/^(recycled )+(image ?)+$/);
  });

  it('leaves a deleted image that can be purged, or is back because somebody wanted it back', async () => {
    await dieEverywhere((store) => store.restoreImage(image.id), {
      before: async (store) => {
        await publishImage(store, image);
        await store.recycleImage(image.id, NOTE);
      },
      after: async (store) => {
        await store.purgeRecycled(image.id);
        expect(['gone', 'image']).toContain(await locate());
      },
    });
  });

  it('leaves a deleted image, or the rest of one that the next purge takes away', async () => {
    const places = await dieEverywhere((store) => store.purgeRecycled(image.id), {
      before: async (store) => {
        await publishImage(store, image);
        await store.recycleImage(image.id, NOTE);
      },
      after: async (store) => {
        if ((await locate()) === 'purging') await expect(store.restoreImage(image.id)).rejects.toThrow('no image');
        await store.purgeRecycled(image.id);
        expect(allButLog()).toEqual([]);
      },
    });
    expect(places).toMatch(/^(recycled )+(purging )+(gone ?)+$/);
  });

  it('leaves an image, or the rest of one that the next delete takes away', async () => {
    const places = await dieEverywhere((store) => store.deleteImage(image.id), {
      before: (store) => publishImage(store, image),
      after: async (store) => {
        await store.deleteImage(image.id);
        expect(allButLog()).toEqual([]);
      },
    });
    expect(places).toMatch(/^(image )+(purging )+(gone ?)+$/);
  });

  it('leaves an image that can be recycled instead, where a delete was cut short before the image was gone', async () => {
    await dieEverywhere((store) => store.deleteImage(image.id), {
      before: (store) => publishImage(store, image),
      after: async (store) => {
        if ((await locate()) !== 'image') return;
        await store.recycleImage(image.id, NOTE);
        expect(await locate()).toBe('recycled');
      },
    });
  });
});
