import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import type { CreateVolumeRequest } from '../../../src/model/snapshot/requests.ts';
import { createVolume, recoverCreateVolume } from '../../../src/operations/create-volume.ts';
import { listLiveUsers } from '../../../src/operations/steps/snapshot/snapshot-users.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { recoverOperations } from '../../../src/operations/support/recover-operations.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { createFakeProcesses } from '../../support/fake-host.ts';
import { createFakeJournal, createFakeLocks } from '../../support/fake-journal.ts';
import { makeFaulty } from '../../support/faulty.ts';
import { runCancelled, runToEnd } from '../../support/image-core.ts';
import { createGate, type Mishap } from '../../support/mishaps.ts';
import {
  contentOf,
  createSnapshotFixture,
  infoOf,
  KIB,
  listTrips,
  putEncrypted,
  putSnapshot,
  readDisk,
  run,
  SECRET_KEY,
  type SnapshotFixture,
  type Write,
} from './snapshot-fixture.ts';

const FIRST: Write = { pattern: 0x11, offset: 0, length: 256 * KIB };
const SECOND: Write = { pattern: 0x22, offset: 128 * KIB, length: 512 * KIB };
const CONTENT = contentOf(FIRST, SECOND);

let fixture: SnapshotFixture;

beforeEach(() => {
  fixture = createSnapshotFixture();
});

afterEach(() => fixture.dispose());

async function putChain() {
  const base = await putSnapshot(fixture, 'a', { writes: [FIRST] });
  return await putSnapshot(fixture, 'b', { writes: [SECOND], record: { parent: base.id } });
}

function wish(snapshot: string, changes: Partial<CreateVolumeRequest> = {}): CreateVolumeRequest {
  return { kind: 'volume.create', snapshot, path: null, clone: 'full', format: 'qcow2', ...changes };
}

function create(snapshot: string, changes: Partial<CreateVolumeRequest> = {}, core: Core = fixture.core()) {
  return runToEnd(core, createVolume, wish(snapshot, changes));
}

describe('a full volume', () => {
  it('is a file of its own among the disks of instances, for QEMU alone', async () => {
    const { id } = await putChain();
    const { error, result, target } = await create(id);
    expect(error).toBeNull();
    const file = result.path ?? '';
    expect(file).toMatch(new RegExp(`^${fixture.instancesDir}/volumes/[0-9a-f-]{36}\\.qcow2$`));
    const { virtualSizeBytes, sizeBytes } = {
      virtualSizeBytes: CONTENT.length,
      sizeBytes: statSync(file).blocks * 512,
    };
    expect(result).toEqual({
      ...{ path: file, snapshotId: id },
      volume: {
        ...{ id: expect.any(String), instance: null, target: null, path: file, format: 'qcow2' },
        ...{ virtualSizeBytes, sizeBytes },
      },
    });
    expect(target).toBe(file);
    expect(infoOf(file)['backing-filename']).toBeUndefined();
    expect(readDisk(file, 'qcow2').equals(CONTENT)).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(file).uid).toBe((await fixture.files.lookUpUser('libvirt-qemu'))?.uid);
    expect(statSync(path.dirname(file)).mode & 0o777).toBe(0o711);
    expect(readdirSync(path.dirname(file))).toEqual([path.basename(file)]);
    expect((await fixture.snapshots.read(id)).users).toEqual([]);
  });

  it('is raw and where it was asked for', async () => {
    const { id } = await putChain();
    const file = fixture.disk('new.img');
    expect((await create(id, { path: file, format: 'raw' })).error).toBeNull();
    expect(readDisk(file, 'raw').equals(CONTENT)).toBe(true);
    expect(fixture.listDisks()).toEqual(['new.img']);
  });

  it('is made of an encrypted chain too, and is not encrypted itself', async () => {
    const base = await putEncrypted(fixture, 'a', { writes: [FIRST] });
    const { id } = await putEncrypted(fixture, 'b', { writes: [SECOND], record: { parent: base.id } });
    const file = fixture.disk('new.qcow2');
    await expectNoKey(create(id, { path: file }));
    expect((await create(id, { path: file }, fixture.core({ keys: SECRET_KEY }))).error).toBeNull();
    expect(readDisk(file, 'qcow2').equals(CONTENT)).toBe(true);
  });
});

async function expectNoKey(made: ReturnType<typeof create>): Promise<void> {
  expect(await made).toMatchObject({ status: 'failed', error: { code: 'ENCRYPTION_KEY_MISSING' } });
}

describe('a thin volume', () => {
  it("stands on the store's file and is on record there before it exists", async () => {
    const snapshot = await putChain();
    const file = fixture.disk('thin.qcow2');
    const core = fixture.core();
    const diskTool = makeFaulty(core.diskTool);
    let usersThen: unknown = null;
    diskTool.before('create', async () => {
      usersThen = (await fixture.snapshots.read(snapshot.id)).users;
    });
    const { error, warnings } = await create(
      snapshot.id,
      { path: file, clone: 'thin' },
      { ...core, diskTool: diskTool.port },
    );
    expect(error).toBeNull();
    const { users } = await fixture.snapshots.read(snapshot.id);
    expect(users).toEqual([{ host: 'host-a', path: file, since: expect.any(String) }]);
    expect(usersThen).toEqual(users);
    expect(infoOf(file)['backing-filename']).toBe(fixture.snapshots.filePath(snapshot));
    expect(readDisk(file, 'qcow2').equals(CONTENT)).toBe(true);
    expect(warnings).toEqual([expect.stringContaining("relabel='no'")]);
    expect(await fixture.snapshots.readClaim(snapshot.volume)).toBeNull();
  });

  it('is a user as long as its file is there and stands on the snapshot; those of other hosts are believed', async () => {
    const snapshot = await putChain();
    const file = fixture.disk('thin.qcow2');
    const core = fixture.core();
    await create(snapshot.id, { path: file, clone: 'thin' }, core);
    const far = { host: 'host-b', path: '/far/away.qcow2', since: '2026-01-01T00:00:00.000Z' };
    const record = await fixture.snapshots.read(snapshot.id);
    const used = { ...record, users: [...record.users, far] };
    expect(await listLiveUsers(core, used)).toEqual(used.users);
    run('qemu-img', 'rebase', '-f', 'qcow2', '-b', '', file);
    expect(await listLiveUsers(core, used)).toEqual([far]);
    writeFileSync(file, 'no disk at all');
    expect(await listLiveUsers(core, used)).toEqual(used.users);
  });

  it('is refused of an encrypted snapshot and as raw', async () => {
    const { id } = await putEncrypted(fixture, 'a', { writes: [FIRST] });
    await expectFailure(create(id, { clone: 'thin' }, fixture.core({ keys: SECRET_KEY })), 'INVALID_REQUEST');
    const plain = await putSnapshot(fixture, 'b', {});
    await expectFailure(create(plain.id, { clone: 'thin', format: 'raw' }), 'INVALID_REQUEST');
  });
});

describe('the path of a volume', () => {
  it('overwrites nothing, neither a file nor a link that leads nowhere', async () => {
    const { id } = await putChain();
    writeFileSync(fixture.disk('taken'), 'precious');
    symlinkSync('/nowhere', fixture.disk('dangling'));
    await expectFailure(create(id, { path: fixture.disk('taken') }), 'PATH_TAKEN');
    await expectFailure(create(id, { path: fixture.disk('dangling') }), 'PATH_TAKEN');
  });

  it('overwrites nothing that came to be meanwhile, with links and without', async () => {
    const { id } = await putChain();
    for (const hasLinks of [true, false]) {
      const file = fixture.disk(`raced-${hasLinks}`);
      const core = fixture.core();
      const files = makeFaulty(hasLinks ? core.files : { ...core.files, tryLink: async () => false });
      files.before('tryLink', () => writeFileSync(file, 'precious'));
      const operation = await create(id, { path: file }, { ...core, files: files.port });
      expect(operation).toMatchObject({ status: 'failed', error: { code: 'PATH_TAKEN' } });
      expect(statSync(file).size).toBe('precious'.length);
    }
    expect(fixture.listDisks()).toEqual(['raced-false', 'raced-true']);
  });

  it('is absolute, in a folder that exists', async () => {
    const { id } = await putChain();
    await expectFailure(create(id, { path: 'new.qcow2' }), 'INVALID_REQUEST');
    await expectFailure(create(id, { path: fixture.disk('no/such/folder') }), 'INVALID_REQUEST');
  });

  it('lies among instances or in a configured folder for a client of the agent, whatever links there are', async () => {
    const { id } = await putChain();
    const allowed = fixture.disk('transfer');
    mkdirSync(allowed);
    mkdirSync(fixture.instancesDir);
    symlinkSync(path.dirname(allowed), path.join(allowed, 'link'));
    const client = { name: 'vagrant', role: 'admin', isTrustedWithPaths: false } as const;
    const core = fixture.core({ caller: client }, { transferDirs: [allowed] });
    for (const file of [fixture.disk('new'), path.join(allowed, 'link', 'new'), path.join(allowed, '..', 'new')])
      await expectFailure(create(id, { path: file }, core), 'PATH_NOT_ALLOWED');
    for (const file of [path.join(allowed, 'new'), path.join(fixture.instancesDir, 'new')])
      expect((await create(id, { path: file }, core)).error).toBeNull();
    expect((await create(id, {}, core)).error).toBeNull();
  });

  it('is wanted by one at a time', async () => {
    const { id } = await putChain();
    const core = fixture.core();
    const diskTool = makeFaulty(core.diskTool);
    let second: unknown = null;
    diskTool.before('convert', async () => {
      second ??= await expectFailure(create(id, { path: fixture.disk('new') }, core), 'PATH_TAKEN');
    });
    const first = await create(id, { path: fixture.disk('new') }, { ...core, diskTool: diskTool.port });
    expect(first.status).toBe('succeeded');
    expect(second).not.toBeNull();
  });
});

describe('whoever a snapshot is shared with', () => {
  it('makes volumes of it until the share ends', async () => {
    const shares = [{ principal: 'bob', expiresAt: '2026-01-01T01:00:00.000Z' }];
    const { id } = await putSnapshot(fixture, 'a', { writes: [FIRST], record: { owner: 'alice', shares } });
    const caller = { name: 'bob', role: 'operator', isTrustedWithPaths: false } as const;
    const core = fixture.core({ caller });
    expect((await create(id, {}, core)).status).toBe('succeeded');
    await core.clock.sleep(3_600_000);
    await expectFailure(create(id, {}, core), 'SNAPSHOT_NOT_FOUND');
  });
});

describe('a volume that cannot be made', () => {
  it('is refused where there is too little space', async () => {
    const { id } = await putChain();
    const operation = await create(id, {}, fixture.core({}, { reserveBytes: 1e18 }));
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'NO_SPACE' } });
  });

  it('leaves nothing when it is cancelled', async () => {
    const { id } = await putChain();
    const request = wish(id, { path: fixture.disk('new') });
    const core = fixture.core();
    const isTime = ({ step }: { step: string }) => step === 'make volume';
    expect((await runCancelled(core, createVolume, { request, isTime })).status).toBe('cancelled');
    expect(fixture.listDisks()).toEqual([]);
  });

  it('leaves nothing when the disk fills up', async () => {
    const { id } = await putChain();
    const core = fixture.core();
    const files = makeFaulty(core.files);
    files.failOn('sync', new DarkroomError('NO_SPACE', 'full'));
    const operation = await create(id, { path: fixture.disk('new') }, { ...core, files: files.port });
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'STORE_WRITE_FAILED' } });
    expect(fixture.listDisks()).toEqual([]);
  });

  it.each(['thin', 'full'] as const)('%s: is there whole or not at all, whatever goes wrong', async (clone) => {
    const { calls } = await play({ clone, trip: null });
    for (const { what, ...trip } of listTrips(calls, ['answer lost', 'death'])) {
      const { status, seen } = await play({ clone, trip });
      expect(seen.isWhole, what).toBe(true);
      // a dead process may have named it; then it stays, as somebody may use it by now
      if (trip.mishap !== 'death') expect(seen.exists, what).toBe(status === 'succeeded');
      expect(seen, what).toMatchObject({ extra: [], hasUser: clone === 'thin' && seen.exists, claim: null });
      expect(seen.locks, what).toEqual([]);
    }
  });
});

/** One call goes wrong; what a death or a failure leaves unsettled, another process recovers. */
async function play({ clone, trip }: { clone: 'thin' | 'full'; trip: { at: number; mishap: Mishap } | null }) {
  const world = createSnapshotFixture();
  try {
    const snapshot = await putSnapshot(world, 'a', { writes: [FIRST] });
    const file = world.disk('new.qcow2');
    const gate = createGate(trip);
    const [journal, living] = [createFakeJournal(), new Set([1000])];
    const shared = { journal, locks: createFakeLocks(({ pid }) => living.has(pid)) };
    const core = world.core({
      ...shared,
      files: gate.guard('files', world.files),
      diskTool: gate.guard('diskTool', world.diskTool),
      snapshots: gate.guard('snapshots', world.snapshots),
      journal: gate.guard('journal', journal),
      processes: createFakeProcesses(1000),
    });
    const ended = await create(snapshot.id, { path: file, clone }, core).catch(() => null);
    living.clear();
    living.add(2000);
    const next = world.core({ ...shared, processes: createFakeProcesses(2000) });
    await recoverOperations(next, { 'volume.create': recoverCreateVolume });
    const exists = existsSync(file);
    const { users } = await world.snapshots.read(snapshot.id);
    const seen = {
      exists,
      isWhole: !exists || readDisk(file, 'qcow2').equals(contentOf(FIRST)),
      extra: world.listDisks().filter((name) => name !== 'new.qcow2'),
      hasUser: users.length > 0,
      claim: await world.snapshots.readClaim(snapshot.volume),
      locks: await next.locks.list(),
    };
    return { status: ended?.status ?? 'refused', seen, calls: gate.calls };
  } finally {
    world.dispose();
  }
}
