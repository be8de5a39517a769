import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import type { Operation } from '../../../src/model/operation.ts';
import type { DiskFile } from '../../../src/model/ports/disk-tool.ts';
import type { CreateSnapshotRequest } from '../../../src/model/snapshot/requests.ts';
import type { SnapshotRecord } from '../../../src/model/snapshot/snapshot.ts';
import { createSnapshot } from '../../../src/operations/create-snapshot.ts';
import { type CaptureHost, GUEST_UUID, makeCaptureHost, NOTHING_LEFT } from '../../support/capture-host.ts';
import { breakBitmaps } from '../../support/fake-checkpoints.ts';
import { runCancelled, runToEnd } from '../../support/image-core.ts';

let host: CaptureHost;

beforeEach(() => {
  host = makeCaptureHost();
});

afterEach(() => host.dispose());

const REQUEST: CreateSnapshotRequest = {
  kind: 'snapshot.create',
  volume: null,
  instance: 'guest',
  description: null,
  consistency: 'auto',
  isFull: false,
  isCompressed: false,
  isEncrypted: false,
};

function create(changes: Partial<CreateSnapshotRequest> = {}): Promise<Operation> {
  return runToEnd(host.core, createSnapshot, { ...REQUEST, ...changes });
}

async function records(): Promise<readonly SnapshotRecord[]> {
  return (await host.core.snapshots.list()).snapshots;
}

async function ofTarget(target: string): Promise<readonly SnapshotRecord[]> {
  const found = (await records()).filter((record) => record.target === target);
  return [...found].sort((left, right) => left.headAt.localeCompare(right.headAt));
}

describe('snapshots of a guest that runs', () => {
  it('are of one instant, one backup job and one checkpoint, which raw disks have no part in', async () => {
    expect(await create()).toMatchObject({ status: 'succeeded', result: { instanceId: GUEST_UUID } });
    const [vda, vdb] = [...(await ofTarget('vda')), ...(await ofTarget('vdb'))];
    expect(vda).toMatchObject({ method: 'full', parent: null, consistency: { achieved: 'quiesced' } });
    expect(vda?.checkpoint).toMatch(/^darkroom-/);
    expect(vdb).toMatchObject({ method: 'full', checkpoint: null, setId: vda?.setId, createdAt: vda?.createdAt });
    expect(host.fake.backups.begun).toMatchObject([
      {
        request: { disks: [{ target: 'vda', incremental: null }, { target: 'vdb' }], checkpoint: { targets: ['vda'] } },
      },
    ]);
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
  });

  it('go on by the bitmap of the last one, and keep the checkpoints of the last two', async () => {
    for (const _round of [1, 2, 3]) await create({ instance: null, volume: 'guest/vda' });
    const made = await ofTarget('vda');
    expect(made.map(({ method }) => method)).toEqual(['full', 'bitmap', 'bitmap']);
    expect(made.map(({ parent }) => parent)).toEqual([null, made[0]?.id, made[1]?.id]);
    expect(host.domain.checkpoints.map(({ name }) => name)).toEqual(made.slice(1).map(({ checkpoint }) => checkpoint));
  });

  it('stand on the last one from the beginning, also where the header of what QEMU wrote does not say so any more', async () => {
    const volume = { instance: null, volume: 'guest/vda' };
    await create(volume);
    const rebased: string[] = [];
    const { diskTool } = host.core;
    const core = {
      ...host.core,
      diskTool: {
        ...diskTool,
        rebase: async (disk: DiskFile, ...rest: [Parameters<typeof diskTool.rebase>[1], AbortSignal?]) => {
          rebased.push(disk.path);
          await diskTool.rebase(disk, ...rest);
        },
      },
    };
    await runToEnd(core, createSnapshot, { ...REQUEST, ...volume });
    expect(rebased).toEqual([]);
    const forgetful = { ...core, diskTool: { ...core.diskTool, readBackingName: async () => null } };
    await runToEnd(forgetful, createSnapshot, { ...REQUEST, ...volume });
    expect(rebased).toHaveLength(1);
    const [, ...increments] = await ofTarget('vda');
    for (const { id, parent } of increments) {
      const path = host.core.snapshots.filePath({ id, volume: increments[0]?.volume ?? '' });
      expect((await diskTool.info({ path, format: 'qcow2' })).backing?.name).toBe(`${parent}.qcow2`);
    }
    expect(increments).toHaveLength(2);
  });

  it('are compared with the last one where the bitmap is broken, and say why', async () => {
    await create({ instance: null, volume: 'guest/vda' });
    breakBitmaps(host.domain);
    await create({ instance: null, volume: 'guest/vda' });
    const [first, second] = await ofTarget('vda');
    expect(second).toMatchObject({ method: 'compare', parent: first?.id, reason: expect.stringContaining('bitmap') });
  });

  const BROKEN = new DarkroomError('QEMU_IMG_FAILED', 'it broke');
  it.each<[string, () => void]>([
    ['the file beside the disk cannot be made', () => host.diskTool.failOn('create', BROKEN)],
    ['no room can be had for it', () => host.files.failOn('reserve', BROKEN)],
    ['QEMU does not begin', () => host.hypervisor.failOn('beginBackup', BROKEN)],
    ['QEMU begins, and the answer is lost', () => host.hypervisor.failAfter('beginBackup', BROKEN)],
    ['libvirt says nothing of the job', () => host.hypervisor.failOn('getBackup', BROKEN)],
    ['the outcome cannot be had', () => host.hypervisor.failOn('takeBackupOutcome', BROKEN)],
    ['what was reserved cannot be given back', () => host.files.failOn('releaseReserve', BROKEN)],
    ['it cannot be moved into the store', () => host.files.failOn('rename', BROKEN)],
    ['it cannot be checked', () => host.diskTool.failOn('check', BROKEN)],
    ['it cannot be read again', () => host.files.failOn('hash', BROKEN)],
  ])('leave nothing when %s', async (_what, fail) => {
    await create();
    const before = { records: await records(), checkpoints: host.domain.checkpoints };
    fail();
    expect((await create()).status).toBe('failed');
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
    expect({ records: await records(), checkpoints: host.domain.checkpoints }).toEqual(before);
  });

  it('are no snapshots when QEMU gave up', async () => {
    host.fake.backups.endsAtOnce = 'failed';
    expect(await create()).toMatchObject({ status: 'failed', error: { code: 'BACKUP_FAILED' } });
    expect(await records()).toEqual([]);
    expect(host.domain.checkpoints).toEqual([]);
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
  });

  it('are given up, with the job, when somebody cancels', async () => {
    host.fake.backups.endsAtOnce = null;
    const isTime = ({ step }: Operation): boolean => step === 'copy';
    const ended = await runCancelled(host.core, createSnapshot, { request: REQUEST, isTime });
    expect(ended.status).toBe('cancelled');
    expect(await host.fake.getBackup(GUEST_UUID)).toBeNull();
    expect(host.domain.checkpoints).toEqual([]);
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
  });

  it('are given up before the guest notices where no room can be reserved and little is left', async () => {
    const files = host.core.files;
    const freeBytes = async (path: string): Promise<number> =>
      host.fake.backups.begun.length > 0 ? 0 : await files.freeBytes(path);
    host.core = { ...host.core, files: { ...files, freeBytes, reserve: async () => false } };
    host.fake.backups.endsAtOnce = null;
    expect(await create()).toMatchObject({ status: 'failed', error: { code: 'STORE_WRITE_FAILED' } });
    expect(await host.fake.getBackup(GUEST_UUID)).toBeNull();
    expect(await host.leftovers()).toEqual(NOTHING_LEFT);
  });
});

it('refuses to compress what it encrypts, and to encrypt without a key', async () => {
  await expect(create({ isEncrypted: true, isCompressed: true })).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
  await expect(create({ isEncrypted: true })).rejects.toMatchObject({ code: 'ENCRYPTION_KEY_MISSING' });
  expect(host.fake.backups.begun).toEqual([]);
});

it('wants either a volume or an instance', async () => {
  await expect(create({ volume: 'guest/vda' })).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
  await expect(create({ instance: null })).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
  await expect(create({ instance: null, volume: 'guest/vdz' })).rejects.toMatchObject({ code: 'VOLUME_NOT_FOUND' });
});
