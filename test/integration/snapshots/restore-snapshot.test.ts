import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildCheckpointXml } from '../../../src/model/domain-xml/checkpoint-xml.ts';
import { checkpointName } from '../../../src/model/snapshot/checkpoint-name.ts';
import type { RestoreSnapshotRequest } from '../../../src/model/snapshot/requests.ts';
import { restoreSnapshot } from '../../../src/operations/restore-snapshot.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { makeFaulty } from '../../support/faulty.ts';
import { runCancelled, runToEnd } from '../../support/image-core.ts';
import {
  contentOf,
  createSnapshotFixture,
  DISK_BYTES,
  GUEST,
  infoOf,
  KIB,
  MIB,
  machine,
  putEncrypted,
  putMachine,
  putSnapshot,
  readDisk,
  run,
  SECRET_KEY,
  type SnapshotFixture,
  type Write,
  writeDisk,
  writeTo,
} from './snapshot-fixture.ts';

const FIRST: Write = { pattern: 0x11, offset: 0, length: 256 * KIB };
const SECOND: Write = { pattern: 0x22, offset: 128 * KIB, length: 512 * KIB };
const LATER: Write = { pattern: 0x33, offset: MIB, length: MIB };
const OLD_CHECKPOINT = checkpointName('99999999-0000-4000-8000-000000000000');
const OTHER_CHECKPOINT = checkpointName('88888888-0000-4000-8000-000000000000');

let fixture: SnapshotFixture;

beforeEach(() => {
  fixture = createSnapshotFixture();
});

afterEach(() => fixture.dispose());

async function putChain(target = 'vda') {
  const base = await putSnapshot(fixture, 'a', { target, writes: [FIRST] });
  const top = await putSnapshot(fixture, 'b', {
    target,
    writes: [SECOND],
    record: { parent: base.id, headAt: '2026-11-02T00:00:00.000Z', checkpoint: OLD_CHECKPOINT },
  });
  return { base, top };
}

function restore(snapshot: string, core: Core = fixture.core()) {
  const request: RestoreSnapshotRequest = { kind: 'snapshot.restore', snapshot };
  return runToEnd(core, restoreSnapshot, request);
}

function checkpoint(name: string, targets: readonly string[], parent: string | null = null) {
  const xml = buildCheckpointXml({ name, parent, targets, allTargets: ['vda', 'vdb'], creationTime: 1000 });
  return { name, parent, targets, creationTime: 1000, xml };
}

describe('a restore', () => {
  it('gives the volume the content of the snapshot, in a file of its own with the owner and mode of the old one', async () => {
    const { base } = await putChain();
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [FIRST, SECOND, LATER]);
    chmodSync(disk, 0o640);
    chownSync(disk, 123, 456);
    putMachine(fixture, [{ target: 'vda', path: disk }]);
    const operation = await restore(base.id);
    expect(operation).toMatchObject({
      status: 'succeeded',
      target: 'web',
      result: { snapshotId: base.id, instanceId: GUEST },
      warnings: [],
    });
    expect(readDisk(disk, 'qcow2').equals(contentOf(FIRST))).toBe(true);
    expect(statSync(disk)).toMatchObject({ uid: 123, gid: 456 });
    expect(statSync(disk).mode & 0o777).toBe(0o640);
    expect(infoOf(disk)['backing-filename']).toBeUndefined();
    expect(fixture.listDisks()).toEqual(['web.qcow2']);
    expect(await fixture.core().locks.list()).toEqual([]);
    expect(await fixture.snapshots.readClaim(base.volume)).toBeNull();
  });

  it('reads all that the snapshot stands on', async () => {
    const { top } = await putChain();
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]);
    putMachine(fixture, [{ target: 'vda', path: disk }]);
    expect((await restore(top.id.slice(0, 8))).error).toBeNull();
    expect(readDisk(disk, 'qcow2').equals(contentOf(FIRST, SECOND))).toBe(true);
  });

  it('begins a new bitmap, of which libvirt and the record know, and makes the snapshot the parent of the next', async () => {
    const { base, top } = await putChain();
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]);
    const domain = putMachine(fixture, [{ target: 'vda', path: disk }], {
      checkpoints: [checkpoint(OTHER_CHECKPOINT, ['vda']), checkpoint(OLD_CHECKPOINT, ['vda'], OTHER_CHECKPOINT)],
    });
    const { id } = await restore(base.id);
    const name = checkpointName(id);
    expect(infoOf(disk)['format-specific']?.data.bitmaps).toMatchObject([{ name }]);
    expect(domain.checkpoints).toMatchObject([{ name, targets: ['vda'], parent: null }]);
    const record = await fixture.snapshots.read(base.id);
    expect(record.checkpoint).toBe(name);
    expect(record.headAt > top.headAt).toBe(true);
    expect(await fixture.snapshots.read(top.id)).toEqual(top);
  });

  it('leaves other disks their checkpoints, and other people theirs', async () => {
    const { base } = await putChain();
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]);
    const other = writeDisk(fixture.disk('data.qcow2'), 'qcow2', [LATER]);
    const domain = putMachine(
      fixture,
      [
        { target: 'vda', path: disk },
        { target: 'vdb', path: other },
      ],
      {
        checkpoints: [
          checkpoint('nightly', ['vdb']),
          checkpoint(OTHER_CHECKPOINT, ['vdb'], 'nightly'),
          checkpoint(OLD_CHECKPOINT, ['vda', 'vdb'], OTHER_CHECKPOINT),
        ],
      },
    );
    const { id } = await restore(base.id);
    expect(domain.checkpoints).toMatchObject([
      { name: 'nightly', targets: ['vdb'], parent: null },
      { name: OTHER_CHECKPOINT, targets: ['vdb'], parent: 'nightly' },
      { name: OLD_CHECKPOINT, targets: ['vdb'], parent: OTHER_CHECKPOINT },
      { name: checkpointName(id), targets: ['vda'], parent: OLD_CHECKPOINT },
    ]);
  });

  it('reads an encrypted snapshot with its key, and touches nothing without', async () => {
    const { id } = await putEncrypted(fixture, 'a', { writes: [FIRST] });
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]);
    putMachine(fixture, [{ target: 'vda', path: disk }]);
    expect(await restore(id)).toMatchObject({ status: 'failed', error: { code: 'ENCRYPTION_KEY_MISSING' } });
    expect(readDisk(disk, 'qcow2').equals(contentOf(LATER))).toBe(true);
    expect((await restore(id, fixture.core({ keys: SECRET_KEY }))).error).toBeNull();
    expect(readDisk(disk, 'qcow2').equals(contentOf(FIRST))).toBe(true);
  });

  it('writes a raw volume raw, for which no bitmap begins', async () => {
    const { top } = await putChain();
    const disk = writeDisk(fixture.disk('web.raw'), 'raw', [LATER]);
    const domain = putMachine(fixture, [{ target: 'vda', path: disk, format: 'raw' }]);
    expect((await restore(top.id)).error).toBeNull();
    expect(readFileSync(disk).equals(contentOf(FIRST, SECOND))).toBe(true);
    expect(domain.checkpoints).toEqual([]);
    expect((await fixture.snapshots.read(top.id)).checkpoint).toBeNull();
  });

  it('replaces the file behind a link, not the link', async () => {
    const { base } = await putChain();
    const disk = writeDisk(fixture.disk('real.qcow2'), 'qcow2', [LATER]);
    symlinkSync(disk, fixture.disk('web.qcow2'));
    putMachine(fixture, [{ target: 'vda', path: fixture.disk('web.qcow2') }]);
    expect((await restore(base.id)).error).toBeNull();
    expect(fixture.listDisks()).toEqual(['real.qcow2', 'web.qcow2']);
    expect(readDisk(disk, 'qcow2').equals(contentOf(FIRST))).toBe(true);
  });

  it('says that a thin disk stands alone now, and takes its old chain out of the definition', async () => {
    const { base } = await putChain();
    const image = writeDisk(fixture.disk('image.qcow2'), 'qcow2', [LATER]);
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [SECOND], image);
    const chain =
      `<backingStore type='file'><format type='qcow2'/><source file='${image}'>` +
      `<seclabel model='dac' relabel='no'/></source><backingStore/></backingStore>`;
    const domain = putMachine(fixture, [{ target: 'vda', path: disk, extra: chain }]);
    const { warnings, error } = await restore(base.id);
    expect(error).toBeNull();
    expect(warnings).toEqual([expect.stringContaining(`stood on ${image}`)]);
    expect(domain.inactiveXml).not.toContain(image);
    expect(domain.inactiveXml).toContain('<backingStore/>');
    expect(readDisk(disk, 'qcow2').equals(contentOf(FIRST))).toBe(true);
  });

  it('never has a definition that states a chain for a file that has another', async () => {
    const { base } = await putChain();
    const image = writeDisk(fixture.disk('image.qcow2'), 'qcow2', [LATER]);
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [SECOND], image);
    const chain = `<backingStore type='file'><format type='qcow2'/><source file='${image}'/></backingStore>`;
    const domain = putMachine(fixture, [{ target: 'vda', path: disk, extra: chain }]);
    const files = makeFaulty(fixture.files);
    files.before('rename', () => expect(domain.inactiveXml).not.toContain('backingStore'));
    expect((await restore(base.id, fixture.core({ files: files.port }))).error).toBeNull();
    expect(files.calls).toContain('rename');
  });

  it('gives the volume the size that it had, and says so', async () => {
    const { base } = await putChain();
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]);
    run('qemu-img', 'resize', '-q', disk, String(2 * DISK_BYTES));
    putMachine(fixture, [{ target: 'vda', path: disk }]);
    const { warnings } = await restore(base.id);
    expect(warnings).toEqual([expect.stringContaining('8.0 MiB')]);
    expect(readDisk(disk, 'qcow2').length).toBe(DISK_BYTES);
  });

  it('works on a volume whose file is damaged', async () => {
    const { base } = await putChain();
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]);
    writeTo(disk, 'raw', [{ pattern: 0xff, offset: 0, length: 4 * KIB }]);
    putMachine(fixture, [{ target: 'vda', path: disk }]);
    expect((await restore(base.id)).error).toBeNull();
    expect(readDisk(disk, 'qcow2').equals(contentOf(FIRST))).toBe(true);
  });

  it('keeps every other program from the disk while it works', async () => {
    const { base } = await putChain();
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]);
    putMachine(fixture, [{ target: 'vda', path: disk }]);
    const refused: string[] = [];
    const files = makeFaulty(fixture.files);
    const tryWrite = (): void => {
      try {
        writeTo(disk, 'qcow2', [SECOND]);
      } catch (error) {
        refused.push(String(error));
      }
    };
    files.before('rename', tryWrite);
    const snapshots = makeFaulty(fixture.snapshots);
    // after the swap
    snapshots.before('update', tryWrite);
    await restore(base.id, fixture.core({ files: files.port, snapshots: snapshots.port }));
    expect(refused).toEqual([expect.stringContaining('lock'), expect.stringContaining('lock')]);
    expect(readDisk(disk, 'qcow2').equals(contentOf(FIRST))).toBe(true);
  });
});

describe('a restore is refused before anything is touched', () => {
  it.each([
    ['running', { powerState: 'running' }, 'darkroom instance stop web'],
    ['paused', { powerState: 'paused' }, 'darkroom instance stop --force web'],
    ['suspended', { powerState: 'suspended', hasManagedSave: true }, 'darkroom instance start web'],
  ] as const)('when the instance is %s, with what to do', async (_state, state, hint) => {
    const { base } = await putChain();
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]);
    putMachine(fixture, [{ target: 'vda', path: disk }], state);
    const error = await expectFailure(restore(base.id), 'INSTANCE_STATE');
    expect(error.message).toContain(hint);
    expect(readDisk(disk, 'qcow2').equals(contentOf(LATER))).toBe(true);
  });

  it('when somebody else has checkpoints on the disk, and names them', async () => {
    const { base } = await putChain();
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]);
    const checkpoints = [checkpoint(OLD_CHECKPOINT, ['vda']), checkpoint('nightly', ['vda'], OLD_CHECKPOINT)];
    const domain = putMachine(fixture, [{ target: 'vda', path: disk }], { checkpoints });
    const error = await expectFailure(restore(base.id), 'INSTANCE_STATE');
    expect(error.message).toContain('nightly');
    expect(domain.checkpoints).toEqual(checkpoints);
  });

  it('when the volume is a block device, with another way', async () => {
    const { base } = await putChain();
    putMachine(fixture, [{ target: 'vda', path: '/dev/null', format: 'raw', type: 'block' }]);
    const error = await expectFailure(restore(base.id), 'DISK_UNSUPPORTED');
    expect(error.message).toContain('volume create --from-snapshot');
  });

  it('when its file is gone or no file, with another way', async () => {
    const { base } = await putChain();
    putMachine(fixture, [{ target: 'vda', path: fixture.disk('web.qcow2') }]);
    expect((await expectFailure(restore(base.id), 'DISK_MISSING')).message).toContain('volume create');
    mkdirSync(fixture.disk('web.qcow2'));
    await expectFailure(restore(base.id), 'DISK_UNSUPPORTED');
  });

  it('when the file holds internal snapshots', async () => {
    const { base } = await putChain();
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]);
    putMachine(fixture, [{ target: 'vda', path: disk }], { internalSnapshots: 2 });
    await expectFailure(restore(base.id), 'INTERNAL_SNAPSHOTS');
  });

  it('when the disk of another instance stands on it', async () => {
    const { base } = await putChain();
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]);
    const thin = writeDisk(fixture.disk('thin.qcow2'), 'qcow2', [], disk);
    putMachine(fixture, [{ target: 'vda', path: disk }]);
    const xml = machine([{ target: 'vda', path: thin }])
      .replace(GUEST, '44444444-2222-4222-8222-222222222222')
      .replace('<name>web<', '<name>clone<');
    fixture.hypervisor.put(xml);
    const error = await expectFailure(restore(base.id), 'DISK_UNSUPPORTED');
    expect(error.message).toContain('clone');
  });

  it('when the instance or its disk is not on this host', async () => {
    const { base } = await putChain('vdb');
    await expectFailure(restore(base.id), 'VOLUME_NOT_FOUND');
    putMachine(fixture, [{ target: 'vda', path: writeDisk(fixture.disk('web.qcow2'), 'qcow2', []) }]);
    const error = await expectFailure(restore(base.id), 'VOLUME_NOT_FOUND');
    expect(error.message).toContain('volume create --from-snapshot');
  });

  it('when its record claims to be of another volume than its instance has', async () => {
    const volume = '55555555-5555-5555-8555-555555555555';
    const alien = await putSnapshot(fixture, 'c', { record: { volume } });
    putMachine(fixture, [{ target: 'vda', path: writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]) }]);
    await expectFailure(restore(alien.id), 'VOLUME_NOT_FOUND');
  });

  it('when it is only shared with the caller, or nothing that the caller may see', async () => {
    const shares = [{ principal: 'bob', expiresAt: null }];
    const { id } = await putSnapshot(fixture, 'a', { record: { owner: 'alice', shares } });
    putMachine(fixture, [{ target: 'vda', path: writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]) }]);
    const as = (name: string) => fixture.core({ caller: { name, role: 'operator', isTrustedWithPaths: false } });
    await expectFailure(restore(id, as('bob')), 'FORBIDDEN');
    await expectFailure(restore(id, as('eve')), 'SNAPSHOT_NOT_FOUND');
    expect((await restore(id, as('alice'))).status).toBe('succeeded');
  });

  it('when what it stands on is missing or failed a verify', async () => {
    const { base, top } = await putChain();
    putMachine(fixture, [{ target: 'vda', path: writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]) }]);
    await fixture.snapshots.update({ ...base, status: 'error' });
    await expectFailure(restore(top.id), 'SNAPSHOT_DAMAGED');
    await fixture.snapshots.remove(base);
    await expectFailure(restore(top.id), 'SNAPSHOT_DAMAGED');
  });

  it('when the chain was changed before the locks were held', async () => {
    const { base, top } = await putChain();
    const { id } = await putSnapshot(fixture, 'c', { writes: [FIRST], record: { isDeleted: true } });
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]);
    putMachine(fixture, [{ target: 'vda', path: disk }]);
    const core = fixture.core();
    const journal = makeFaulty(core.journal);
    journal.before('begin', () => fixture.snapshots.update({ ...top, parent: id }));
    const operation = await restore(top.id, { ...core, journal: journal.port });
    expect(operation.error?.code).toBe('SNAPSHOT_BUSY');
    expect(base.parent).toBeNull();
    expect(readDisk(disk, 'qcow2').equals(contentOf(LATER))).toBe(true);
  });

  it('when there is no room, or another host changes the snapshots of the volume', async () => {
    const { base } = await putChain();
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]);
    putMachine(fixture, [{ target: 'vda', path: disk }]);
    const full = await restore(base.id, fixture.core({}, { reserveBytes: 1e18 }));
    expect(full).toMatchObject({ status: 'failed', error: { code: 'NO_SPACE' } });
    const since = '2026-11-01T00:00:00.000Z';
    const claim = { volume: base.volume, host: 'host-b', operationId: 'far away', kind: 'snapshot.delete', since };
    await fixture.snapshots.claim(claim);
    expect(await restore(base.id)).toMatchObject({ status: 'failed', error: { code: 'VOLUME_BUSY' } });
    expect(await fixture.snapshots.readClaim(base.volume)).toEqual(claim);
    expect(fixture.listDisks()).toEqual(['web.qcow2']);
    expect(readDisk(disk, 'qcow2').equals(contentOf(LATER))).toBe(true);
  });

  it('when somebody writes to the disk although its instance is off', async () => {
    const { base } = await putChain();
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]);
    putMachine(fixture, [{ target: 'vda', path: disk }]);
    const writer = spawn('qemu-io', ['-f', 'qcow2', disk], { stdio: ['pipe', 'pipe', 'ignore'] });
    try {
      writer.stdin.write('length\n');
      await once(writer.stdout, 'data');
      expect(await restore(base.id)).toMatchObject({ status: 'failed', error: { code: 'INSTANCE_BUSY' } });
    } finally {
      writer.stdin.end();
      await once(writer, 'exit');
    }
    expect(fixture.listDisks()).toEqual(['web.qcow2']);
    expect((await restore(base.id)).status).toBe('succeeded');
  });
});

describe('a restore that is cancelled or finds a wrong copy', () => {
  it('leaves the volume as it was when it is cancelled', async () => {
    const { base } = await putChain();
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
    const { base } = await putChain();
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]);
    putMachine(fixture, [{ target: 'vda', path: disk }]);
    const core = fixture.core();
    const diskTool = makeFaulty(core.diskTool);
    diskTool.before('compare', (_source, copy) => {
      if (typeof copy === 'object' && copy !== null && 'path' in copy)
        writeTo(String(copy.path), 'qcow2', [{ pattern: 1, offset: 3 * MIB, length: 512 }]);
    });
    const operation = await restore(base.id, { ...core, diskTool: diskTool.port });
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'COPY_FAILED' } });
    expect(fixture.listDisks()).toEqual(['web.qcow2']);
    expect(readDisk(disk, 'qcow2').equals(contentOf(LATER))).toBe(true);
  });

  it('keeps what there is where the disk cannot have a second name', async () => {
    const { base } = await putChain();
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]);
    putMachine(fixture, [{ target: 'vda', path: disk }]);
    const files = { ...fixture.files, tryLink: async () => false };
    const operation = await restore(base.id, fixture.core({ files }));
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'DISK_UNSUPPORTED' } });
    expect(fixture.listDisks()).toEqual(['web.qcow2']);
    expect(readDisk(disk, 'qcow2').equals(contentOf(LATER))).toBe(true);
  });
});
