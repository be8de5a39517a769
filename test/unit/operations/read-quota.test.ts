import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Role } from '../../../src/model/access.ts';
import { readQuota } from '../../../src/operations/read-quota.ts';
import { checkByteQuota, checkQuota, checkSnapshotQuota } from '../../../src/operations/steps/check-quota.ts';
import type { Core, HostSettings } from '../../../src/operations/support/context.ts';
import { OperationHandle } from '../../../src/operations/support/operation-handle.ts';
import { undeleteImage } from '../../../src/operations/undelete-image.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { createFakeImageStore, type FakeImageStore } from '../../support/fake-image-store.ts';
import { createFakeJournal } from '../../support/fake-journal.ts';
import { createFakeSnapshotStore, type FakeSnapshotStore } from '../../support/fake-snapshot-store.ts';
import { createImageCore, NO_QUOTA } from '../../support/image-core.ts';
import { makeImage, publishImage } from '../../support/sample-images.ts';
import { makeOperation, processIdentity } from '../../support/sample-operations.ts';
import { putSnapshot, sampleSnapshot } from '../../support/sample-snapshots.ts';

const imageId = (number: number) => `3f1c1d5e-5a6b-4c7d-8e9f-00000000000${number}`;
const MIB = 1024 ** 2;

let snapshots: FakeSnapshotStore;
let store: FakeImageStore;
let journal: ReturnType<typeof createFakeJournal>;
beforeEach(() => {
  snapshots = createFakeSnapshotStore();
  store = createFakeImageStore();
  journal = createFakeJournal();
});
afterEach(() => {
  snapshots.dispose();
  store.dispose();
});

function as(name: string, quota: Partial<HostSettings['quota']> = {}, role: Role = 'operator'): Core {
  const caller = { name, role, isTrustedWithPaths: false };
  return createImageCore({ snapshots, store, journal, caller }, { quota: { ...NO_QUOTA, ...quota } });
}

const asRoot = (quota: Partial<HostSettings['quota']> = {}) => as('root', quota, 'admin');

async function publish(number: number, owner: string | null): Promise<void> {
  await publishImage(store, makeImage(imageId(number), { owner }));
}

const owned = { count: 1, running: { kind: 'snapshot.create' as const, requestedBy: 'ann' } };

async function begin(id: string, changes: Parameters<typeof makeOperation>[0], plan: unknown = null): Promise<void> {
  await journal.begin(makeOperation({ id, ...changes }), { owner: processIdentity(1), plan });
}

describe('what a quota report tells', () => {
  it('is what the caller has, and may have', async () => {
    await publish(1, 'ann');
    await publish(2, 'bob');
    await publish(3, null);
    putSnapshot(snapshots, sampleSnapshot('a', { owner: 'ann' }), sampleSnapshot('b', { owner: 'root' }));
    const limits = { maxImages: 5, maxSnapshotBytes: 10 * MIB };
    expect(await readQuota(as('ann', limits))).toEqual({
      owner: 'ann',
      images: { count: 1, bytes: 14, maxCount: 5, maxBytes: null },
      snapshots: { count: 1, bytes: MIB, maxCount: null, maxBytes: 10 * MIB },
    });
    expect(await readQuota(as('eve'))).toMatchObject({
      images: { count: 0, bytes: 0 },
      snapshots: { count: 0, bytes: 0 },
    });
  });

  it("is the host's for an admin: its own, nobody's, and what cannot be read", async () => {
    await publish(1, 'root');
    await publish(2, null);
    await publish(3, 'ann');
    store.breakImage(imageId(3), 'broken');
    putSnapshot(
      snapshots,
      sampleSnapshot('a'),
      sampleSnapshot('b', { owner: 'root' }),
      sampleSnapshot('c', { owner: 'ann' }),
    );
    snapshots.putRecord(sampleSnapshot('d'), '{');
    expect(await readQuota(asRoot())).toMatchObject({ owner: null, images: { count: 3 }, snapshots: { count: 3 } });
    expect(await readQuota(as('ann'))).toMatchObject({ images: { count: 0 }, snapshots: { count: 1 } });
  });

  it('counts the bytes of a deleted snapshot that others need, and it no more', async () => {
    putSnapshot(
      snapshots,
      sampleSnapshot('a', { owner: 'ann', isDeleted: true }),
      sampleSnapshot('b', { owner: 'ann', parent: sampleSnapshot('a').id, method: 'bitmap' }),
    );
    expect((await readQuota(as('ann'))).snapshots).toMatchObject({ count: 1, bytes: 2 * MIB });
  });
});

describe('the quota of images', () => {
  it("is full by an owner's own images alone", async () => {
    await publish(1, 'bob');
    await checkQuota(as('ann', { maxImages: 1, maxImageBytes: 14 }), 14);
    await publish(2, 'ann');
    const error = await expectFailure(checkQuota(as('ann', { maxImages: 1 }), 0), 'QUOTA_EXCEEDED');
    expect(error).toMatchObject({ fields: { owner: 'ann', images: 1, maxImages: 1 } });
    await expectFailure(checkByteQuota(as('ann', { maxImageBytes: 14 }), 1), 'QUOTA_EXCEEDED');
    await checkByteQuota(as('ann', { maxImages: 1, maxImageBytes: 15 }), 1);
  });

  it('counts images in the making for whoever makes them', async () => {
    await store.createDraft(imageId(1));
    await begin('op-1', { requestedBy: 'ann' }, { imageId: imageId(1) });
    await expectFailure(checkQuota(as('ann', { maxImages: 1 }), 0), 'QUOTA_EXCEEDED');
    await checkQuota(as('bob', { maxImages: 1 }), 0);
    await checkQuota(asRoot({ maxImages: 1 }), 0);
  });

  it('counts those of other hosts for the host, since nobody here knows whose they are', async () => {
    await store.createDraft(imageId(1));
    await checkQuota(as('ann', { maxImages: 1 }), 0);
    await expectFailure(checkQuota(asRoot({ maxImages: 1 }), 0), 'QUOTA_EXCEEDED');
  });

  it('is that of its owner where an admin brings a deleted image back', async () => {
    await publish(1, 'ann');
    const at = '2026-01-01T00:00:00.000Z';
    await store.recycleImage(imageId(1), { deletedAt: at, deletedBy: 'ann', expiresAt: at });
    await publish(2, 'ann');
    await expectFailure(undeleteImage(asRoot({ maxImages: 1 }), imageId(1)), 'QUOTA_EXCEEDED');
    await store.deleteImage(imageId(2));
    await publish(3, 'root');
    expect((await undeleteImage(asRoot({ maxImages: 1 }), imageId(1))).id).toBe(imageId(1));
  });
});

describe('the quota of snapshots', () => {
  it('lets in as many and as much as there may be', async () => {
    putSnapshot(snapshots, sampleSnapshot('a', { owner: 'ann' }), sampleSnapshot('b', { owner: 'bob' }));
    const limits = { maxSnapshots: 3, maxSnapshotBytes: 3 * MIB };
    await checkSnapshotQuota(as('ann', limits), { count: 2, bytes: 2 * MIB });
    const many = await expectFailure(checkSnapshotQuota(as('ann', limits), { count: 3, bytes: 0 }), 'QUOTA_EXCEEDED');
    expect(many.message).toBe(
      'ann has 1 snapshots and may have 3, and 3 more are wanted. Delete snapshots, or raise quota.max_snapshots.',
    );
    const large = await expectFailure(
      checkSnapshotQuota(as('ann', limits), { count: 1, bytes: 2 * MIB + 1 }),
      'QUOTA_EXCEEDED',
    );
    expect(large).toMatchObject({ fields: { owner: 'ann', usedBytes: MIB, plannedBytes: 2 * MIB + 1 } });
    await checkSnapshotQuota(as('ann'), { count: 1000, bytes: 1e15 });
  });

  it('lets the first of two in that want the last place at once, and not the second', async () => {
    const core = as('ann', { maxSnapshots: 1 });
    await begin('op-1', { ...owned.running, startedAt: '2026-01-01T00:00:01.000Z' });
    await begin('op-2', { ...owned.running, startedAt: '2026-01-01T00:00:02.000Z' });
    const check = (id: string) =>
      checkSnapshotQuota({ ...core, operation: new OperationHandle(id, journal) }, { count: 1, bytes: 0 });
    await check('op-1');
    await expectFailure(check('op-2'), 'QUOTA_EXCEEDED');
    await checkSnapshotQuota(as('bob', { maxSnapshots: 1 }), { count: 1, bytes: 0 });
  });

  it('counts what an operation made once, although it still runs', async () => {
    putSnapshot(snapshots, sampleSnapshot('a', { owner: 'ann' }));
    await begin('op-1', { ...owned.running, result: { snapshotId: sampleSnapshot('a').id } });
    await checkSnapshotQuota(as('ann', { maxSnapshots: 2 }), { count: 1, bytes: 0 });
    await begin('op-2', owned.running);
    await expectFailure(checkSnapshotQuota(as('ann', { maxSnapshots: 2 }), { count: 1, bytes: 0 }), 'QUOTA_EXCEEDED');
  });
});
