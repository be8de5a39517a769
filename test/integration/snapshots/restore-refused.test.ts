import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { restoreSnapshot } from '../../../src/operations/restore-snapshot.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { makeFaulty } from '../../support/faulty.ts';
import { runCancelled } from '../../support/image-core.ts';
import { checkpoint, FIRST, LATER, OLD_CHECKPOINT, putChain, restore } from './restore-fixture.ts';
import {
  contentOf,
  createSnapshotFixture,
  GUEST,
  MIB,
  machine,
  putMachine,
  putSnapshot,
  readDisk,
  type SnapshotFixture,
  writeDisk,
  writeTo,
} from './snapshot-fixture.ts';

let fixture: SnapshotFixture;

beforeEach(() => {
  fixture = createSnapshotFixture();
});

afterEach(() => fixture.dispose());

describe('a restore is refused before anything is touched', () => {
  it.each([
    ['running', { powerState: 'running' }, 'darkroom instance stop web'],
    ['paused', { powerState: 'paused' }, 'darkroom instance stop --force web'],
    ['suspended', { powerState: 'suspended', hasManagedSave: true }, 'darkroom instance start web'],
  ] as const)('when the instance is %s, with what to do', async (_state, state, hint) => {
    const { base } = await putChain(fixture);
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]);
    putMachine(fixture, [{ target: 'vda', path: disk }], state);
    const error = await expectFailure(restore(fixture.core(), base.id), 'INSTANCE_STATE');
    expect(error.message).toContain(hint);
    expect(readDisk(disk, 'qcow2').equals(contentOf(LATER))).toBe(true);
  });

  it('when somebody else has checkpoints on the disk, and names them', async () => {
    const { base } = await putChain(fixture);
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]);
    const checkpoints = [
      checkpoint(OLD_CHECKPOINT, ['vda']),
      checkpoint('nightly', ['vda'], { parent: OLD_CHECKPOINT }),
    ];
    const domain = putMachine(fixture, [{ target: 'vda', path: disk }], { checkpoints });
    const error = await expectFailure(restore(fixture.core(), base.id), 'INSTANCE_STATE');
    expect(error.message).toContain('nightly');
    expect(domain.checkpoints).toEqual(checkpoints);
  });

  it('when the volume is a block device, with another way', async () => {
    const { base } = await putChain(fixture);
    putMachine(fixture, [{ target: 'vda', path: '/dev/null', format: 'raw', type: 'block' }]);
    const error = await expectFailure(restore(fixture.core(), base.id), 'DISK_UNSUPPORTED');
    expect(error.message).toContain('volume create --from-snapshot');
  });

  it('when its file is gone or no file, with another way', async () => {
    const { base } = await putChain(fixture);
    putMachine(fixture, [{ target: 'vda', path: fixture.disk('web.qcow2') }]);
    expect((await expectFailure(restore(fixture.core(), base.id), 'DISK_MISSING')).message).toContain('volume create');
    mkdirSync(fixture.disk('web.qcow2'));
    await expectFailure(restore(fixture.core(), base.id), 'DISK_UNSUPPORTED');
  });

  it('when the file holds internal snapshots', async () => {
    const { base } = await putChain(fixture);
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]);
    putMachine(fixture, [{ target: 'vda', path: disk }], { internalSnapshots: 2 });
    await expectFailure(restore(fixture.core(), base.id), 'INTERNAL_SNAPSHOTS');
  });

  it('when the disk of another instance stands on it', async () => {
    const { base } = await putChain(fixture);
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]);
    const thin = writeDisk(fixture.disk('thin.qcow2'), 'qcow2', [], disk);
    putMachine(fixture, [{ target: 'vda', path: disk }]);
    const xml = machine([{ target: 'vda', path: thin }])
      .replace(GUEST, '44444444-2222-4222-8222-222222222222')
      .replace('<name>web<', '<name>clone<');
    fixture.hypervisor.put(xml);
    const error = await expectFailure(restore(fixture.core(), base.id), 'DISK_UNSUPPORTED');
    expect(error.message).toContain('clone');
  });

  it('when the instance or its disk is not on this host', async () => {
    const { base } = await putChain(fixture, 'vdb');
    await expectFailure(restore(fixture.core(), base.id), 'VOLUME_NOT_FOUND');
    putMachine(fixture, [{ target: 'vda', path: writeDisk(fixture.disk('web.qcow2'), 'qcow2', []) }]);
    const error = await expectFailure(restore(fixture.core(), base.id), 'VOLUME_NOT_FOUND');
    expect(error.message).toContain('volume create --from-snapshot');
  });

  it('when its record claims to be of another volume than its instance has', async () => {
    const volume = '55555555-5555-5555-8555-555555555555';
    const alien = await putSnapshot(fixture, 'c', { record: { volume } });
    putMachine(fixture, [{ target: 'vda', path: writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]) }]);
    await expectFailure(restore(fixture.core(), alien.id), 'VOLUME_NOT_FOUND');
  });

  it('when it is only shared with the caller, or nothing that the caller may see', async () => {
    const shares = [{ principal: 'bob', expiresAt: null }];
    const { id } = await putSnapshot(fixture, 'a', { record: { owner: 'alice', shares } });
    putMachine(fixture, [{ target: 'vda', path: writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]) }]);
    const as = (name: string) => fixture.core({ caller: { name, role: 'operator', isTrustedWithPaths: false } });
    await expectFailure(restore(as('bob'), id), 'FORBIDDEN');
    await expectFailure(restore(as('eve'), id), 'SNAPSHOT_NOT_FOUND');
    expect((await restore(as('alice'), id)).status).toBe('succeeded');
  });

  it('when what it stands on is missing or failed a verify', async () => {
    const { base, top } = await putChain(fixture);
    putMachine(fixture, [{ target: 'vda', path: writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]) }]);
    await fixture.snapshots.update({ ...base, status: 'error' });
    await expectFailure(restore(fixture.core(), top.id), 'SNAPSHOT_DAMAGED');
    await fixture.snapshots.remove(base);
    await expectFailure(restore(fixture.core(), top.id), 'SNAPSHOT_DAMAGED');
  });

  it('when the chain was changed before the locks were held', async () => {
    const { base, top } = await putChain(fixture);
    const { id } = await putSnapshot(fixture, 'c', { writes: [FIRST], record: { isDeleted: true } });
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]);
    putMachine(fixture, [{ target: 'vda', path: disk }]);
    const core = fixture.core();
    const journal = makeFaulty(core.journal);
    journal.before('begin', () => fixture.snapshots.update({ ...top, parent: id }));
    const operation = await restore({ ...core, journal: journal.port }, top.id);
    expect(operation.error?.code).toBe('SNAPSHOT_BUSY');
    expect(base.parent).toBeNull();
    expect(readDisk(disk, 'qcow2').equals(contentOf(LATER))).toBe(true);
  });

  it('when there is no room, or another host changes the snapshots of the volume', async () => {
    const { base } = await putChain(fixture);
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]);
    putMachine(fixture, [{ target: 'vda', path: disk }]);
    const full = await restore(fixture.core({}, { reserveBytes: 1e18 }), base.id);
    expect(full).toMatchObject({ status: 'failed', error: { code: 'NO_SPACE' } });
    const since = '2026-11-01T00:00:00.000Z';
    const claim = { volume: base.volume, host: 'host-b', operationId: 'far away', kind: 'snapshot.delete', since };
    await fixture.snapshots.claim(claim);
    expect(await restore(fixture.core(), base.id)).toMatchObject({ status: 'failed', error: { code: 'VOLUME_BUSY' } });
    expect(await fixture.snapshots.readClaim(base.volume)).toEqual(claim);
    expect(fixture.listDisks()).toEqual(['web.qcow2']);
    expect(readDisk(disk, 'qcow2').equals(contentOf(LATER))).toBe(true);
  });

  it('when somebody writes to the disk although its instance is off', async () => {
    const { base } = await putChain(fixture);
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]);
    putMachine(fixture, [{ target: 'vda', path: disk }]);
    const writer = spawn('qemu-io', ['-f', 'qcow2', disk], { stdio: ['pipe', 'pipe', 'ignore'] });
    try {
      writer.stdin.write('length\n');
      await once(writer.stdout, 'data');
      expect(await restore(fixture.core(), base.id)).toMatchObject({
        status: 'failed',
        error: { code: 'INSTANCE_BUSY' },
      });
    } finally {
      writer.stdin.end();
      await once(writer, 'exit');
    }
    expect(fixture.listDisks()).toEqual(['web.qcow2']);
    expect((await restore(fixture.core(), base.id)).status).toBe('succeeded');
  });
});

describe('a restore that is cancelled or finds a wrong copy', () => {
  it('leaves the volume as it was when it is cancelled', async () => {
    const { base } = await putChain(fixture);
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]);
    const domain = putMachine(fixture, [{ target: 'vda', path: disk }], {
      checkpoints: [checkpoint(OLD_CHECKPOINT, ['vda'])],
    });
    const request = { kind: 'snapshot.restore', snapshot: base.id } as const;
    const isTime = ({ step }: { step: string }) => step === 'verify copy';
    const operation = await runCancelled(fixture.core(), restoreSnapshot, { request, isTime });
    expect(operation.status).toBe('cancelled');
    expect(fixture.listDisks()).toEqual(['web.qcow2']);
    expect(readDisk(disk, 'qcow2').equals(contentOf(LATER))).toBe(true);
    expect(domain.checkpoints).toHaveLength(1);
    expect(await fixture.snapshots.read(base.id)).toEqual(base);
  });

  it('puts no copy in place that is not what the snapshot holds', async () => {
    const { base } = await putChain(fixture);
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]);
    putMachine(fixture, [{ target: 'vda', path: disk }]);
    const core = fixture.core();
    const diskTool = makeFaulty(core.diskTool);
    diskTool.before('compare', (_source, copy) => {
      if (typeof copy === 'object' && copy !== null && 'path' in copy)
        writeTo(String(copy.path), 'qcow2', [{ pattern: 1, offset: 3 * MIB, length: 512 }]);
    });
    const operation = await restore({ ...core, diskTool: diskTool.port }, base.id);
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'COPY_FAILED' } });
    expect(fixture.listDisks()).toEqual(['web.qcow2']);
    expect(readDisk(disk, 'qcow2').equals(contentOf(LATER))).toBe(true);
  });

  it('keeps what there is where the disk cannot have a second name', async () => {
    const { base } = await putChain(fixture);
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]);
    putMachine(fixture, [{ target: 'vda', path: disk }]);
    const files = { ...fixture.files, tryLink: async () => false };
    const operation = await restore(fixture.core({ files }), base.id);
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'DISK_UNSUPPORTED' } });
    expect(fixture.listDisks()).toEqual(['web.qcow2']);
    expect(readDisk(disk, 'qcow2').equals(contentOf(LATER))).toBe(true);
  });
});
