import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import type { ImageServices } from '../../../src/model/ports/image-service.ts';
import type { StoreUpkeep } from '../../../src/model/ports/stores.ts';
import type { StoreFinding } from '../../../src/model/store.ts';
import { checkStore, collectGarbage, listStores, readStoreStatus } from '../../../src/operations/manage-stores.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { createFakeImageStore, type FakeImageStore } from '../../support/fake-image-store.ts';
import { createFakeShelf, type FakeShelf } from '../../support/fake-shelf.ts';
import { createFakeSnapshotStore, type FakeSnapshotStore } from '../../support/fake-snapshot-store.ts';
import { createFakeStores, createFakeUpkeep } from '../../support/fake-stores.ts';
import { createImageCore } from '../../support/image-core.ts';
import { makeImage, publishImage } from '../../support/sample-images.ts';
import { makeOperation } from '../../support/sample-operations.ts';
import { makeClaim, makeShelved } from '../../support/sample-shelf.ts';
import { putSnapshot, sampleSnapshot } from '../../support/sample-snapshots.ts';

const DAY_MS = 86_400_000;
const OLD = '2025-12-01T00:00:00.000Z';
const YOUNG = '2025-12-31T23:00:00.000Z';
const NOTE = { deletedAt: OLD, deletedBy: null, expiresAt: '2126-01-01T00:00:00.000Z' };
const AWAY = new DarkroomError('STORE_UNUSABLE', 'nobody answers');

let images: FakeImageStore;
let shelf: FakeShelf;
let snapshots: FakeSnapshotStore;

beforeEach(() => {
  images = createFakeImageStore({ freeBytes: 1000 });
  shelf = createFakeShelf();
  snapshots = createFakeSnapshotStore();
});

function makeCore(parts: Partial<Core> = {}): Core {
  return createImageCore({ store: images, shelf, snapshots, ...parts });
}

function finding(changes: Partial<StoreFinding> = {}): StoreFinding {
  const base = { kind: 'unpublished-image', subject: randomUUID(), message: 'a draft' } as const;
  return { ...base, bytes: 10, since: OLD, isRemovable: true, ...changes };
}

/** One service that answers and one that does not. */
const SERVICES: ImageServices = {
  list: () => [describeService('cloud'), describeService('lost')],
  open: (name) => ({ ...NO_SERVICE, description: describeService(name), check: () => checkService(name) }),
};

function describeService(name: string) {
  return { name, kind: 'glance', location: `http://${name}:9292`, isDefault: false } as const;
}

async function checkService(name: string): Promise<void> {
  if (name === 'lost') throw new DarkroomError('IMAGE_SERVICE_UNUSABLE', 'nobody answers');
}

const refuse = async (): Promise<never> => {
  throw new Error('not asked for');
};
const NO_SERVICE = { find: refuse, holds: refuse, create: refuse, upload: refuse, download: refuse, delete: refuse };

describe('the status of stores', () => {
  it('counts what is in each, whosever it is, and in image services that they answer', async () => {
    await publishImage(images, makeImage(randomUUID(), { owner: 'ann' }));
    const deleted = makeImage(randomUUID());
    await publishImage(images, deleted);
    await images.recycleImage(deleted.id, NOTE);
    putSnapshot(snapshots, sampleSnapshot('a', { storedBytes: 7 }), sampleSnapshot('b', { storedBytes: 5 }));
    await shelf.write(makeShelved(randomUUID()));
    const stores = createFakeStores({ default: { images, shelf, snapshots }, backup: {} });
    const status = await readStoreStatus(makeCore({ stores, imageServices: SERVICES }));
    expect(status.map(({ name, isReachable }) => [name, isReachable])).toEqual([
      ['default', true],
      ['backup', true],
      ['cloud', true],
      ['lost', false],
    ]);
    expect(status[0]).toMatchObject({
      images: { count: 1, bytes: 14 },
      deletedImages: { count: 1, bytes: 14 },
      snapshots: { count: 2, bytes: 12 },
      shelvedInstances: 1,
      freeBytes: 1000,
      cache: null,
      error: null,
    });
    expect(status[1]).toMatchObject({ images: { count: 0, bytes: 0 }, isDefault: false });
    expect(status[2]).toMatchObject({ images: null, error: null });
    expect(status[3]).toMatchObject({ images: null, error: { code: 'IMAGE_SERVICE_UNUSABLE' } });
  });

  it('says of one that is away what is wrong with it, and what of it is here', async () => {
    const cache = { path: '/cache', files: 2, usedBytes: 3, limitBytes: 4 };
    const away = { ...createFakeImageStore(), keepsFilesHere: false, listImages: () => Promise.reject(AWAY) };
    const upkeep: StoreUpkeep = { ...createFakeUpkeep(), measureCache: async () => cache };
    const stores = createFakeStores({ default: {}, cloud: { images: away, upkeep } });
    const [status, ...others] = await readStoreStatus(makeCore({ stores }), 'cloud');
    expect(others).toEqual([]);
    const error = { code: 'STORE_UNUSABLE', message: 'nobody answers' };
    expect(status).toMatchObject({ isReachable: false, error, images: null, freeBytes: null, cache });
  });

  it('is of one where one is named, and of none that nobody has configured', async () => {
    const core = makeCore({ imageServices: SERVICES });
    expect((await readStoreStatus(core, 'default')).map(({ name }) => name)).toEqual(['default']);
    expect((await readStoreStatus(core, 'cloud')).map(({ kind }) => kind)).toEqual(['glance']);
    const unknown = await expectFailure(readStoreStatus(core, 'nobodys'), 'STORE_NOT_FOUND');
    expect(unknown.message).toBe('There is no store called "nobodys": known are default; image services: cloud, lost.');
    const caller = { name: 'boss', role: 'admin', isTrustedWithPaths: false } as const;
    await expectFailure(readStoreStatus({ ...core, caller }, '/etc'), 'PATH_NOT_ALLOWED');
    expect((await listStores(core)).map(({ name }) => name)).toEqual(['default', 'cloud', 'lost']);
  });

  it.each([
    ['nobodys', 'There is no store called "nobodys": known are default, ceph.'],
    ['cloud', 'cloud is an image service, and this needs a store: known are default, ceph.'],
  ])('has no %s to look into or to clear up, and says what there is', async (store, message) => {
    const core = makeCore({ imageServices: SERVICES, stores: createFakeStores({ default: {}, ceph: {} }) });
    const gc = { store, olderThanMs: 0, isDryRun: true };
    for (const asked of [() => checkStore(core, store), () => collectGarbage(core, gc)])
      expect((await expectFailure(asked(), 'STORE_NOT_FOUND')).message).toBe(message);
  });
});

describe('a check of a store', () => {
  it('names what cannot be read and what lacks what it stands on, besides what lies about', async () => {
    const [broken, shelved, deferred] = [randomUUID(), randomUUID(), randomUUID()];
    images.breakImage(broken, 'it is spoilt');
    shelf.putRecord(randomUUID(), 'not JSON');
    await shelf.write(makeShelved(shelved));
    await shelf.write(makeShelved(deferred, { state: 'shelved', isImageDeferred: true }));
    await shelf.write(makeShelved(randomUUID(), { imageId: broken }));
    putSnapshot(snapshots, sampleSnapshot('a'), sampleSnapshot('b', { parent: sampleSnapshot('c').id }));
    putSnapshot(snapshots, sampleSnapshot('d', { parent: sampleSnapshot('a').id }));
    const found = await checkStore(makeCore({ upkeep: createFakeUpkeep([finding()]) }));
    expect(found.map(({ kind }) => kind).sort()).toEqual([
      ...['broken-image', 'broken-shelved-instance', 'missing-image', 'missing-parent', 'unpublished-image'],
    ]);
    expect(found.find(({ kind }) => kind === 'missing-image')?.subject).toBe(shelved);
    expect(found.find(({ kind }) => kind === 'missing-parent')?.subject).toBe(sampleSnapshot('b').id);
    expect(found.filter(({ isRemovable }) => isRemovable)).toHaveLength(1);
  });

  it('does not name what came between its looks', async () => {
    const imageId = randomUUID();
    await shelf.write(makeShelved(randomUUID(), { imageId }));
    let looks = 0;
    const store = {
      ...images,
      listImages: async () => {
        looks += 1;
        if (looks === 2) await publishImage(images, makeImage(imageId));
        return await images.listImages();
      },
    };
    expect(await checkStore(makeCore({ store }))).toEqual([]);
    expect(looks).toBe(2);
  });
});

describe('clearing up a store', () => {
  const request = { store: null, olderThanMs: DAY_MS, isDryRun: false };

  it('removes what is removable and old, and nothing else', async () => {
    const [old, ...others] = [
      finding(),
      finding({ since: YOUNG }),
      finding({ since: null }),
      finding({ isRemovable: false }),
    ];
    const core = makeCore({ upkeep: createFakeUpkeep([old ?? finding(), ...others]) });
    expect(await collectGarbage(core, { ...request, isDryRun: true })).toEqual([old]);
    expect(await core.upkeep.findFaults()).toHaveLength(4);
    expect(await collectGarbage(core, request)).toEqual([old]);
    expect(await core.upkeep.findFaults()).toEqual(others);
    expect(await collectGarbage(core, request)).toEqual([]);
  });

  it('leaves what an operation of this host works on, or was never put right', async () => {
    const [planned, locked, tagged, unsettled] = [finding(), finding(), randomUUID(), finding()];
    const draft = finding({ subject: `snapshots/${randomUUID()}/.${randomUUID()}.${tagged}.partial` });
    const core = makeCore({ upkeep: createFakeUpkeep([planned, locked, draft, unsettled]) });
    const owner = core.processes.self;
    const plan = { version: 1, imageId: planned.subject };
    await core.journal.begin(makeOperation({ id: tagged }), { owner, plan });
    const dead = { ...makeOperation({ id: randomUUID() }), status: 'interrupted' as const };
    await core.journal.begin(dead, { owner, plan: { imageId: unsettled.subject } });
    await core.locks.tryAcquire([`image:${locked.subject}`], { operationId: 'x', kind: 'image.delete', owner });
    expect(await collectGarbage(core, request)).toEqual([]);
    await core.locks.release('x');
    expect(await collectGarbage(core, request)).toEqual([locked]);
  });

  it('leaves an image that a host is copying to the store', async () => {
    const coming = finding();
    const core = makeCore({ upkeep: createFakeUpkeep([coming]) });
    await shelf.claim(makeClaim(coming.subject, 'host-b'));
    expect(await collectGarbage(core, request)).toEqual([]);
  });

  it('goes on where one thing cannot be removed, and fails where none can', async () => {
    const [stuck, loose] = [finding(), finding()];
    const upkeep = createFakeUpkeep([stuck, loose]);
    const removeFault: StoreUpkeep['removeFault'] = async (each) => {
      if (each === stuck) throw new DarkroomError('STORE_WRITE_FAILED', 'stuck');
      return await upkeep.removeFault(each);
    };
    const core = makeCore({ upkeep: { ...upkeep, removeFault } });
    expect(await collectGarbage(core, request)).toEqual([loose]);
    await expectFailure(collectGarbage(core, request), 'STORE_WRITE_FAILED');
  });

  it('is for admins alone, as all that tells of what others have', async () => {
    const caller = { name: 'ann', role: 'operator', isTrustedWithPaths: false } as const;
    const core = makeCore({ caller });
    await expectFailure(collectGarbage(core, request), 'FORBIDDEN');
    await expectFailure(checkStore(core), 'FORBIDDEN');
    await expectFailure(readStoreStatus(core), 'FORBIDDEN');
  });
});
