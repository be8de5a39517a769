import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import type { Image } from '../../../src/model/image.ts';
import { deleteImage, recoverDeleteImage } from '../../../src/operations/delete-image.ts';
import { purgeExpired } from '../../../src/operations/steps/purge-expired.ts';
import { type Rotation, rotateBackups } from '../../../src/operations/steps/rotate-backups.ts';
import type { Core, HostSettings } from '../../../src/operations/support/context.ts';
import { acquireLocks } from '../../../src/operations/support/operation-locks.ts';
import { recoverOperations } from '../../../src/operations/support/recover-operations.ts';
import type { UseCase } from '../../../src/operations/support/use-case.ts';
import { listDeletedImages, purgeImage, undeleteImage } from '../../../src/operations/undelete-image.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { createFakeImageStore, type FakeImageStore } from '../../support/fake-image-store.ts';
import { makeFaulty } from '../../support/faulty.ts';
import { createImageCore, NO_QUOTA, runToEnd } from '../../support/image-core.ts';
import { makeImage, publishImage } from '../../support/sample-images.ts';

const DAY_MS = 86_400_000;
const ID = idOf(1);
const OTHER_ID = idOf(2);
const INSTANCE = '7d2f0b1c-1111-4222-8333-000000000009';
const USER = { instanceId: INSTANCE, instanceName: 'web-1', host: 'host-b', since: '2026-01-01T00:00:00.000Z' };
const BROKEN = new DarkroomError('STORE_WRITE_FAILED', 'broken');
const FULL = new DarkroomError('NO_SPACE', 'full');

const request = { kind: 'image.delete', image: ID } as const;

let store: FakeImageStore;

beforeEach(async () => {
  store = createFakeImageStore();
  await publishImage(store, makeImage(ID));
});
afterEach(() => store.dispose());

function idOf(number: number): string {
  return `3f1c1d5e-5a6b-4c7d-8e9f-00000000000${number}`;
}

function makeCore(parts: Partial<Core> = {}, settings: Partial<HostSettings> = {}): Core {
  return createImageCore({ store, ...parts }, { recyclePeriodMs: 7 * DAY_MS, ...settings });
}

function as(core: Core, name: string): Core {
  return { ...core, caller: { name, role: 'operator', isTrustedWithPaths: false } };
}

async function recycledIds(): Promise<readonly string[]> {
  return (await store.listRecycled()).recycled.map(({ id }) => id);
}

async function deleteIt(core: Core = makeCore()): Promise<Core> {
  expect((await runToEnd(core, deleteImage, request)).status).toBe('succeeded');
  return core;
}

describe('a deleted image', () => {
  it('can be brought back for the recycle period, which is counted from its deletion', async () => {
    const core = await deleteIt();
    await expectFailure(store.readImage(ID), 'IMAGE_NOT_FOUND');
    const [recycled] = await listDeletedImages(core);
    const { deletedAt = '', expiresAt = '' } = recycled ?? {};
    expect(recycled).toMatchObject({ id: ID, deletedBy: 'root', sizeBytes: 14, image: { name: 'image 3f1c1d5e' } });
    expect(Date.parse(expiresAt) - Date.parse(deletedAt)).toBe(7 * DAY_MS);
    expect(await undeleteImage(core, 'image 3f1c1d5e')).toEqual(makeImage(ID));
    expect(await listDeletedImages(core)).toEqual([]);
    expect(await core.locks.list()).toEqual([]);
  });

  it('is gone where there is no recycle period', async () => {
    await deleteIt(makeCore({}, { recyclePeriodMs: 0 }));
    expect(await recycledIds()).toEqual([]);
  });

  it('is gone when it is purged at once', async () => {
    await runToEnd(makeCore(), deleteImage, { ...request, isPurged: true });
    expect(await recycledIds()).toEqual([]);
    await expectFailure(store.readImage(ID), 'IMAGE_NOT_FOUND');
  });

  it.each([
    ['failed a verify', () => store.updateImage(makeImage(ID, { status: 'error' }))],
    ['cannot be read', async () => store.breakImage(ID, 'not JSON')],
  ])('is gone when it %s', async (_, spoil) => {
    await spoil();
    await deleteIt();
    expect(await recycledIds()).toEqual([]);
    expect((await store.listImages()).broken).toEqual([]);
  });

  it('does not come back in the place of an instance that depends on it: it is not deleted', async () => {
    await store.addUser(ID, USER);
    await expectFailure(runToEnd(makeCore(), deleteImage, request), 'IMAGE_IN_USE');
    expect(await recycledIds()).toEqual([]);
  });

  it('is gone where the full store has no room even for a note of it', async () => {
    const faulty = makeFaulty(store);
    faulty.failOn('recycleImage', FULL);
    const operation = await runToEnd(makeCore({ store: faulty.port }), deleteImage, request);
    expect(operation).toMatchObject({ status: 'succeeded', warnings: [expect.stringContaining('for good')] });
    expect(await store.listImages()).toEqual({ images: [], broken: [] });
    expect(await recycledIds()).toEqual([]);
  });

  it('counts as deleted when another host was faster, and purged it', async () => {
    const faulty = makeFaulty(store);
    faulty.before('recycleImage', () => store.deleteImage(ID));
    await deleteIt(makeCore({ store: faulty.port }));
  });

  it('does not count for the quota', async () => {
    const core = await deleteIt(makeCore({}, { quota: { ...NO_QUOTA, maxImages: 1, maxImageBytes: 14 } }));
    await publishImage(store, makeImage(OTHER_ID));
    await expectFailure(undeleteImage(core, ID), 'QUOTA_EXCEEDED');
    expect(await recycledIds()).toEqual([ID]);
    await store.deleteImage(OTHER_ID);
    expect((await undeleteImage(core, ID)).status).toBe('active');
  });
});

describe('which deleted image is meant', () => {
  it('is said by the id where several have the name', async () => {
    await publishImage(store, makeImage(OTHER_ID));
    const core = await deleteIt();
    await runToEnd(core, deleteImage, { ...request, image: OTHER_ID });
    const error = await expectFailure(undeleteImage(core, 'image 3f1c1d5e'), 'AMBIGUOUS_NAME');
    expect(error.message).toContain(ID);
    expect(error.message).toContain(OTHER_ID);
    expect((await undeleteImage(core, OTHER_ID.toUpperCase())).id).toBe(OTHER_ID);
  });

  it('is nobody else’s business', async () => {
    await store.updateImage(makeImage(ID, { owner: 'ann', visibility: 'public' }));
    const core = await deleteIt();
    expect(await listDeletedImages(as(core, 'bob'))).toEqual([]);
    for (const work of [undeleteImage, purgeImage]) await expectFailure(work(as(core, 'bob'), ID), 'IMAGE_NOT_FOUND');
    const purge = { ...request, isPurged: true };
    await expectFailure(deleteImage.prepare(as(core, 'bob'), purge), 'IMAGE_NOT_FOUND');
    expect(await listDeletedImages(as(core, 'ann'))).toHaveLength(1);
    expect((await undeleteImage(as(core, 'ann'), ID)).owner).toBe('ann');
  });

  it('is refused while something else works on it', async () => {
    const core = await deleteIt();
    const claim = { operationId: 'other', kind: 'image.delete' };
    await acquireLocks(core, { exclusive: [`image:${ID}`], shared: [] }, claim);
    for (const work of [undeleteImage, purgeImage]) await expectFailure(work(core, ID), 'IMAGE_BUSY');
  });
});

describe('a purge', () => {
  it('of an image that was deleted before is a delete that is purged', async () => {
    const core = await deleteIt();
    await expectFailure(runToEnd(core, deleteImage, request), 'IMAGE_NOT_FOUND');
    const operation = await runToEnd(core, deleteImage, { ...request, isPurged: true });
    expect(operation).toMatchObject({ status: 'succeeded', target: 'image 3f1c1d5e', result: { imageId: ID } });
    expect(await recycledIds()).toEqual([]);
  });

  it('means the image that there is, and not a deleted one of the same name', async () => {
    await publishImage(store, makeImage(OTHER_ID));
    const core = await deleteIt();
    await runToEnd(core, deleteImage, { ...request, image: 'image 3f1c1d5e', isPurged: true });
    await expectFailure(store.readImage(OTHER_ID), 'IMAGE_NOT_FOUND');
    expect(await recycledIds()).toEqual([ID]);
  });

  it('of a deleted image by its id needs no operation', async () => {
    await purgeImage(await deleteIt(), ID);
    expect(await recycledIds()).toEqual([]);
  });

  it('takes what has expired, and nothing before', async () => {
    const core = await deleteIt();
    await core.clock.sleep(7 * DAY_MS - 1000);
    expect(await purgeExpired(core)).toEqual([]);
    await core.clock.sleep(1000);
    expect(await purgeExpired(core)).toEqual([ID]);
    expect(await recycledIds()).toEqual([]);
  });

  it('of what has expired goes on after one that cannot be purged, and tells of it', async () => {
    await publishImage(store, makeImage(OTHER_ID));
    const core = await deleteIt();
    await runToEnd(core, deleteImage, { ...request, image: OTHER_ID });
    await core.clock.sleep(8 * DAY_MS);
    const faulty = makeFaulty(store);
    faulty.failOn('purgeRecycled', BROKEN);
    await expectFailure(purgeExpired({ ...core, store: faulty.port }), 'STORE_WRITE_FAILED');
    expect(await recycledIds()).toEqual([ID]);
  });

  it('of what has expired happens in passing, where no agent does it', async () => {
    await publishImage(store, makeImage(OTHER_ID));
    const core = await deleteIt();
    await core.clock.sleep(8 * DAY_MS);
    await runToEnd(core, deleteImage, { ...request, image: OTHER_ID });
    expect(await recycledIds()).toEqual([OTHER_ID]);
  });
});

describe('a delete whose process died', () => {
  async function crash(meanwhile: () => Promise<unknown> = async () => undefined): Promise<Core> {
    const faulty = makeFaulty(store);
    faulty.before('recycleImage', async () => {
      await meanwhile();
      await new Promise(() => undefined);
    });
    const core = makeCore({ store: faulty.port });
    void runToEnd(core, deleteImage, request);
    await new Promise((resolve) => setTimeout(resolve, 20));
    return { ...core, store, processes: { ...core.processes, isAlive: () => false } };
  }

  const recover = (core: Core) => recoverOperations(core, { 'image.delete': recoverDeleteImage });
  const note = { deletedAt: '2026-01-01T00:00:00.000Z', deletedBy: 'root', expiresAt: '2026-01-08T00:00:00.000Z' };

  it('goes forward, to an image that can be brought back', async () => {
    const core = await crash();
    expect((await store.readImage(ID)).status).toBe('deleting');
    await recover(core);
    expect(await listDeletedImages(core)).toMatchObject([{ id: ID, ...note }]);
    expect((await core.journal.list())[0]).toMatchObject({ plan: null, operation: { status: 'interrupted' } });
  });

  it('has nothing to do when the image had been moved', async () => {
    const core = await crash(() => store.recycleImage(ID, note));
    await recover(core);
    expect(await recycledIds()).toEqual([ID]);
  });

  it('leaves alone what another host has brought back', async () => {
    const core = await crash(async () => {
      await store.recycleImage(ID, note);
      await store.restoreImage(ID);
    });
    await recover(core);
    expect((await store.readImage(ID)).status).toBe('active');
  });

  it('takes nothing away that it did not find: another host may bring it back just then', async () => {
    const core = await crash(() => store.recycleImage(ID, note));
    const faulty = makeFaulty(store);
    await recover({ ...core, store: faulty.port });
    expect(faulty.calls).toContain('readImage');
    for (const call of ['deleteImage', 'recycleImage', 'purgeRecycled']) expect(faulty.calls).not.toContain(call);
  });

  it('is left to the next recovery while the store is full', async () => {
    const core = await crash();
    const faulty = makeFaulty(store);
    faulty.failOn('recycleImage', FULL);
    await recover({ ...core, store: faulty.port });
    expect((await store.readImage(ID)).status).toBe('deleting');
    await recover(core);
    expect(await recycledIds()).toEqual([ID]);
  });

  it('deletes for good what was purged, or deleted before there was a recycle period', async () => {
    const plans = [
      { version: 1, imageId: ID },
      { version: 1, imageIds: [ID], notes: {} },
    ];
    for (const plan of plans) {
      const [entry] = await (await crash()).journal.list();
      if (entry === undefined) throw new Error('nothing was journalled');
      await recoverDeleteImage(makeCore(), { ...entry, plan });
      expect(await store.listImages()).toEqual({ images: [], broken: [] });
      expect(await recycledIds()).toEqual([]);
      await publishImage(store, makeImage(ID));
    }
  });
});

describe('backups that are rotated out', () => {
  const rotation: Rotation = {
    instanceId: INSTANCE,
    backupType: 'daily',
    retention: { kind: 'rotation', count: 1 },
  };
  const rotate: UseCase<typeof request, null> = {
    prepare: async () => ({ target: 'x', locks: { exclusive: [], shared: [] }, input: null }),
    run: async (context, _input, signal) => {
      await rotateBackups(context, rotation, signal);
      return {};
    },
  };
  const makeBackup = (number: number): Image =>
    makeImage(idOf(number), {
      createdAt: `2026-01-0${number}T00:00:00.000Z`,
      properties: { image_type: 'backup', backup_type: 'daily', instance_uuid: INSTANCE },
    });

  beforeEach(async () => {
    for (const number of [3, 4, 5]) await publishImage(store, makeBackup(number));
  });

  it('can be brought back too', async () => {
    const core = makeCore();
    expect((await runToEnd(core, rotate, request)).status).toBe('succeeded');
    expect(await recycledIds()).toEqual([idOf(3), idOf(4)]);
    expect((await undeleteImage(core, idOf(4))).properties).toMatchObject({ backup_type: 'daily' });
  });

  it('stay on record with their notes when one cannot be moved, until recovery has done it', async () => {
    const faulty = makeFaulty(store);
    faulty.failOn('recycleImage', BROKEN);
    const core = makeCore({ store: faulty.port });
    const operation = await runToEnd(core, rotate, request);
    expect(operation.warnings).toEqual([expect.stringContaining(idOf(3))]);
    expect(await recycledIds()).toEqual([idOf(4)]);
    const [entry] = await core.journal.list();
    expect(entry?.plan).toMatchObject({ imageIds: [idOf(3)], notes: { [idOf(3)]: { deletedBy: 'root' } } });
    if (entry !== undefined) await recoverDeleteImage({ ...core, store }, entry);
    expect(await recycledIds()).toEqual([idOf(3), idOf(4)]);
  });

  it('stay as they were, and off the record, when one cannot be marked', async () => {
    const faulty = makeFaulty(store);
    faulty.failOn('updateImage', BROKEN);
    const core = makeCore({ store: faulty.port });
    await runToEnd(core, rotate, request);
    expect((await store.readImage(idOf(3))).status).toBe('active');
    expect(await recycledIds()).toEqual([idOf(4)]);
    expect((await core.journal.list())[0]?.plan).toBeNull();
  });
});
