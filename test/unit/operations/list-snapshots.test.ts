import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Caller, Role } from '../../../src/model/access.ts';
import type { SnapshotRecord } from '../../../src/model/snapshot/snapshot.ts';
import { listSnapshots, showSnapshot, showSnapshotChain } from '../../../src/operations/list-snapshots.ts';
import { volumeId } from '../../../src/operations/steps/volume-id.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { domainXml } from '../../support/access-world.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { createFakeHypervisor } from '../../support/fake-hypervisor.ts';
import { createFakeShelf } from '../../support/fake-shelf.ts';
import { createFakeSnapshotStore, type FakeSnapshotStore } from '../../support/fake-snapshot-store.ts';
import { createImageCore } from '../../support/image-core.ts';
import { makeShelved } from '../../support/sample-shelf.ts';
import { putSnapshot, sampleSnapshot } from '../../support/sample-snapshots.ts';

const WEB = '00000002-0000-4000-8000-000000000001';
const GONE = '00000002-0000-4000-8000-000000000009';
const USER = { host: 'host-b', path: '/srv/thin.qcow2', since: '2026-11-01T00:00:00.000Z' };

let snapshots: FakeSnapshotStore;
let core: Core;
beforeEach(() => {
  snapshots = createFakeSnapshotStore();
  core = createImageCore({ snapshots });
});
afterEach(() => snapshots.dispose());

function as(name: string, role: Role = 'operator'): Core {
  const caller: Caller = { name, role, isTrustedWithPaths: false };
  return { ...core, caller };
}

/** The first of a volume is shared by its owner with bob, the second not; a third stands on that. */
function putChain(facts: Partial<SnapshotRecord> = {}): void {
  const at = (day: number) => `2026-11-0${day}T00:00:00.000Z`;
  putSnapshot(
    snapshots,
    sampleSnapshot('a', { owner: 'ann', createdAt: at(1), description: 'secret', users: [USER] }),
    sampleSnapshot('b', {
      ...{ owner: 'ann', createdAt: at(2), parent: sampleSnapshot('a').id, method: 'bitmap' },
      shares: [
        { principal: 'bob', expiresAt: null },
        { principal: 'eve', expiresAt: '2026-01-01T00:00:00.000Z' },
      ],
      ...facts,
    }),
    sampleSnapshot('c', { owner: 'ann', createdAt: at(3), parent: sampleSnapshot('b').id, method: 'compare' }),
  );
}

const letters = (list: readonly { readonly id: string }[]) => list.map(({ id }) => id.charAt(0)).join('');

describe('lists of snapshots', () => {
  it('hold what the caller sees, oldest first', async () => {
    putChain();
    putSnapshot(snapshots, sampleSnapshot('d', { createdAt: '2026-10-01T00:00:00.000Z' }));
    const seen = async (each: Core) => letters(await listSnapshots(each));
    expect(await seen(core)).toBe('dabc');
    expect(await seen(as('ann'))).toBe('dabc');
    expect(await seen(as('bob'))).toBe('db');
    expect(await seen(as('eve'))).toBe('d');
    expect(await seen(as('rita', 'reader'))).toBe('d');
  });

  it('leave out what is deleted, and what is damaged without hiding others', async () => {
    putChain({ isDeleted: true });
    snapshots.putRecord(sampleSnapshot('e'), '{');
    expect(letters(await listSnapshots(core))).toBe('ac');
  });

  it('tell sizes, and how many files a restore reads, hidden ones too', async () => {
    putChain({ isDeleted: true });
    const [first, last] = await listSnapshots(as('ann'));
    expect(first).toMatchObject({ chainLength: 1, exclusiveBytes: 0, users: [USER] });
    expect(last).toMatchObject({ chainLength: 3, exclusiveBytes: 2 * 1024 ** 2 });
    for (const name of ['isDeleted', 'exclusive', 'pending', 'checkpoint', 'headAt'])
      expect(last).not.toHaveProperty(name);
  });

  it('tell those it is shared with nothing of others', async () => {
    putChain({ users: [USER] });
    const [shared] = await listSnapshots(as('bob'));
    expect(shared).toMatchObject({ shares: [{ principal: 'bob', expiresAt: null }], users: [] });
    const [, own] = await listSnapshots(as('ann'));
    expect(own?.shares.map(({ principal }) => principal)).toEqual(['bob']);
    expect(own?.users).toEqual([USER]);
  });

  it('tell of volumes that stand on one as long as their file is there', async () => {
    const users = [{ ...USER, host: 'host-a', path: '/nowhere/gone.qcow2' }];
    putSnapshot(snapshots, sampleSnapshot('a', { users }), sampleSnapshot('b', { users: [USER] }));
    const listed = await listSnapshots(core);
    expect(listed.map((each) => [each.users, each.exclusiveBytes])).toEqual([
      [[], 1024 ** 2],
      [[USER], 0],
    ]);
    expect(await showSnapshot(core, 'aaaaaaaa')).toMatchObject({ users: [] });
  });

  it('go on after a marker', async () => {
    putChain();
    expect(letters(await listSnapshots(core, { marker: sampleSnapshot('a').id, limit: 1 }))).toBe('b');
    await expectFailure(listSnapshots(as('bob'), { marker: sampleSnapshot('a').id }), 'INVALID_REQUEST');
  });
});

describe('snapshots of one volume or instance', () => {
  beforeEach(async () => {
    const [hypervisor, shelf] = [createFakeHypervisor(), createFakeShelf()];
    hypervisor.put(domainXml('web', WEB, null));
    hypervisor.put(domainXml('anns', '00000002-0000-4000-8000-000000000002', 'ann'));
    await shelf.write(makeShelved('00000003-0000-4000-8000-000000000001', { name: 'shelved', owner: null }));
    core = createImageCore({ snapshots, hypervisor, shelf });
    const of = (instance: string, instanceName: string) => ({
      ...{ instance, instanceName, volume: volumeId(instance, 'vda') },
    });
    putSnapshot(
      snapshots,
      sampleSnapshot('a', of(WEB, 'as-it-was-called-then')),
      sampleSnapshot('b', of('00000003-0000-4000-8000-000000000001', 'shelved')),
      sampleSnapshot('c', of(GONE, 'gone')),
      sampleSnapshot('d', { ...of('00000002-0000-4000-8000-000000000002', 'anns'), owner: 'ann' }),
    );
  });

  it.each([
    ['web/vda', 'a'],
    [volumeId(WEB, 'vda'), 'a'],
    [volumeId(WEB, 'vda').toUpperCase(), 'a'],
    ['shelved/vda', 'b'],
    ['gone/vda', 'c'],
    [volumeId(GONE, 'vda'), 'c'],
    [volumeId(GONE, 'vdz'), ''],
  ])('by the volume %s', async (volume, expected) => {
    expect(letters(await listSnapshots(core, { volume }))).toBe(expected);
  });

  it.each([
    ['web', 'a'],
    [WEB, 'a'],
    ['shelved', 'b'],
    ['gone', 'c'],
    [GONE.toUpperCase(), 'c'],
  ])('by the instance %s', async (instance, expected) => {
    expect(letters(await listSnapshots(core, { instance }))).toBe(expected);
  });

  it('are not found where the caller sees nothing of them', async () => {
    await expectFailure(listSnapshots(core, { volume: 'web/vdz' }), 'VOLUME_NOT_FOUND');
    await expectFailure(listSnapshots(core, { volume: 'nothing' }), 'VOLUME_NOT_FOUND');
    await expectFailure(listSnapshots(core, { instance: 'nothing' }), 'INSTANCE_NOT_FOUND');
    await expectFailure(listSnapshots(as('bob'), { instance: 'anns' }), 'INSTANCE_NOT_FOUND');
    await expectFailure(listSnapshots(as('bob'), { volume: 'anns/vda' }), 'VOLUME_NOT_FOUND');
  });

  it('are ambiguous where several that are gone were called so', async () => {
    const other = '00000002-0000-4000-8000-000000000008';
    putSnapshot(
      snapshots,
      sampleSnapshot('e', { instance: other, instanceName: 'gone', volume: volumeId(other, 'vda') }),
    );
    await expectFailure(listSnapshots(core, { instance: 'gone' }), 'AMBIGUOUS_NAME');
    await expectFailure(listSnapshots(core, { volume: 'gone/vda' }), 'AMBIGUOUS_NAME');
  });
});

describe('one snapshot', () => {
  it('is found by its id and by the beginning of it', async () => {
    putChain();
    expect((await showSnapshot(core, sampleSnapshot('b').id.toUpperCase())).chainLength).toBe(2);
    expect(letters([await showSnapshot(core, 'bbbbbbbb')])).toBe('b');
    await expectFailure(showSnapshot(core, 'bbb'), 'SNAPSHOT_NOT_FOUND');
    await expectFailure(showSnapshot(as('bob'), 'aaaaaaaa'), 'SNAPSHOT_NOT_FOUND');
  });

  it('has a chain from the one that stands alone to itself, and its children', async () => {
    putChain();
    const chain = await showSnapshotChain(as('ann'), 'bbbbbbbb');
    expect(chain.map(({ id, isHidden, description }) => [id.charAt(0), isHidden, description])).toEqual([
      ['a', false, 'secret'],
      ['b', false, null],
      ['c', false, null],
    ]);
    expect(letters(await showSnapshotChain(core, 'cccccccc'))).toBe('abc');
  });

  it('has a chain in which those it is shared with see sizes alone of what is not', async () => {
    putChain();
    const chain = await showSnapshotChain(as('bob'), 'bbbbbbbb');
    expect(letters(chain)).toBe('ab');
    expect(chain[0]).toMatchObject({ isHidden: true, description: null, owner: null, users: [], shares: [] });
    expect(chain[0]?.storedBytes).toBe(sampleSnapshot('a').storedBytes);
    expect(JSON.stringify(chain)).not.toMatch(/secret|thin\.qcow2|"eve"/);
  });

  it('has a chain that tells of deleted ones that are still needed', async () => {
    putChain({ isDeleted: true });
    const hidden = (await showSnapshotChain(core, 'cccccccc')).map(({ isHidden }) => isHidden);
    expect(hidden).toEqual([false, true, false]);
    expect(letters(await showSnapshotChain(core, 'aaaaaaaa'))).toBe('ab');
  });

  it('has a chain where one of it is missing, as far as it goes', async () => {
    putSnapshot(snapshots, sampleSnapshot('b', { parent: sampleSnapshot('a').id, method: 'bitmap' }));
    expect(letters(await showSnapshotChain(core, 'bbbbbbbb'))).toBe('b');
  });
});
