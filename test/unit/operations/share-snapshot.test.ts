import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Role } from '../../../src/model/access.ts';
import type { SnapshotShare } from '../../../src/model/snapshot/snapshot.ts';
import { listSnapshots } from '../../../src/operations/list-snapshots.ts';
import { shareSnapshot, unshareSnapshot } from '../../../src/operations/share-snapshot.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { acquireLocks } from '../../../src/operations/support/operation-locks.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { createFakeSnapshotStore, type FakeSnapshotStore } from '../../support/fake-snapshot-store.ts';
import { makeFaulty } from '../../support/faulty.ts';
import { createImageCore } from '../../support/image-core.ts';
import { putSnapshot, SAMPLE_VOLUME, sampleSnapshot } from '../../support/sample-snapshots.ts';

const { id: ID } = sampleSnapshot('a');
const NOW = '2026-01-01T00:00:00.000Z';
const SOON = '2026-01-01T00:00:01.000Z';

let snapshots: FakeSnapshotStore;
let core: Core;
beforeEach(() => {
  snapshots = createFakeSnapshotStore();
  core = createImageCore({ snapshots });
  putSnapshot(snapshots, sampleSnapshot('a', { owner: 'ann' }));
});
afterEach(() => snapshots.dispose());

function as(name: string, role: Role = 'operator'): Core {
  return { ...core, caller: { name, role, isTrustedWithPaths: false } };
}

const withBob: SnapshotShare = { principal: 'bob', expiresAt: null };

async function expectNothingHeld(): Promise<void> {
  expect(await core.locks.list()).toEqual([]);
  expect(snapshots.claims.size).toBe(0);
}

describe('sharing a snapshot', () => {
  it('lets the other see it, until its time is over or it is revoked', async () => {
    const seen = async () => (await listSnapshots(as('bob'))).length;
    expect(await seen()).toBe(0);
    const shared = await shareSnapshot(as('ann'), ID, { principal: 'bob', expiresAt: SOON });
    expect(shared.shares).toEqual([{ principal: 'bob', expiresAt: SOON }]);
    expect(await seen()).toBe(1);
    await core.clock.sleep(1000);
    expect(await seen()).toBe(0);
    await shareSnapshot(as('ann'), ID, withBob);
    expect(await seen()).toBe(1);
    expect((await unshareSnapshot(as('ann'), ID, 'bob')).shares).toEqual([]);
    expect(await seen()).toBe(0);
    await expectNothingHeld();
  });

  it('replaces an earlier share with the same principal and takes away those that are over', async () => {
    const shares = [
      { principal: 'eve', expiresAt: NOW },
      { principal: 'ira', expiresAt: null },
    ];
    putSnapshot(snapshots, sampleSnapshot('a', { owner: 'ann', shares }));
    await shareSnapshot(as('ann'), ID, withBob);
    await shareSnapshot(as('ann'), 'aaaaaaaa', { principal: 'bob', expiresAt: SOON });
    expect((await snapshots.read(ID)).shares).toEqual([
      { principal: 'ira', expiresAt: null },
      { principal: 'bob', expiresAt: SOON },
    ]);
  });

  it('is for its owner and for admins', async () => {
    expect((await shareSnapshot(core, ID, withBob)).shares).toEqual([withBob]);
    await expectFailure(shareSnapshot(as('bob'), ID, { principal: 'eve', expiresAt: null }), 'FORBIDDEN');
    await expectFailure(unshareSnapshot(as('bob'), ID, 'bob'), 'FORBIDDEN');
    await expectFailure(shareSnapshot(as('eve'), ID, withBob), 'SNAPSHOT_NOT_FOUND');
  });

  it.each([
    [{ principal: 'ann', expiresAt: null }, "ann's own"],
    [{ principal: 'bob', expiresAt: NOW }, 'over already'],
  ])('is refused: %j', async (share, text) => {
    const error = await expectFailure(shareSnapshot(as('ann'), ID, share), 'INVALID_REQUEST');
    expect(error.message).toContain(text);
    expect((await snapshots.read(ID)).shares).toEqual([]);
  });

  it('has an end', async () => {
    const shares = Array.from({ length: 128 }, (_, number) => ({ principal: `p${number}`, expiresAt: null }));
    putSnapshot(snapshots, sampleSnapshot('a', { owner: 'ann', shares }));
    await expectFailure(shareSnapshot(as('ann'), ID, withBob), 'INVALID_REQUEST');
    await shareSnapshot(as('ann'), ID, { principal: 'p7', expiresAt: SOON });
    await expectNothingHeld();
  });

  it('is not taken back from somebody it was never shared with', async () => {
    await expectFailure(unshareSnapshot(as('ann'), ID, 'bbo'), 'PRINCIPAL_NOT_FOUND');
    await expectNothingHeld();
  });
});

describe('sharing while others work on the volume', () => {
  it('is VOLUME_BUSY on this host', async () => {
    const lock = { exclusive: [`volume:${SAMPLE_VOLUME}`], shared: [] };
    await acquireLocks(core, lock, { operationId: 'op-1', kind: 'snapshot.create' });
    await expectFailure(shareSnapshot(core, ID, withBob), 'VOLUME_BUSY');
  });

  it('is VOLUME_BUSY on another', async () => {
    const other = { volume: SAMPLE_VOLUME, host: 'host-b', operationId: 'op-2', kind: 'snapshot.delete', since: NOW };
    await snapshots.claim(other);
    await expectFailure(shareSnapshot(core, ID, withBob), 'VOLUME_BUSY');
    expect([...snapshots.claims.values()]).toEqual([other]);
    expect(await core.locks.list()).toEqual([]);
  });

  it('keeps what else changed meanwhile', async () => {
    const faulty = makeFaulty<typeof snapshots>(snapshots);
    faulty.before(
      'claim',
      async () => void putSnapshot(snapshots, sampleSnapshot('a', { owner: 'ann', status: 'error' })),
    );
    await shareSnapshot({ ...core, snapshots: faulty.port }, ID, withBob);
    expect(await snapshots.read(ID)).toMatchObject({ status: 'error', shares: [withBob] });
  });

  it('leaves nothing held when the record cannot be written', async () => {
    const faulty = makeFaulty<typeof snapshots>(snapshots);
    faulty.failOn('update', new Error('disk full'));
    await expect(shareSnapshot({ ...core, snapshots: faulty.port }, ID, withBob)).rejects.toThrow('disk full');
    await expectNothingHeld();
  });
});
