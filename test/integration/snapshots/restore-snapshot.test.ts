import { chmodSync, chownSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkpointName } from '../../../src/model/snapshot/checkpoint-name.ts';
import { makeFaulty } from '../../support/faulty.ts';
import {
  checkpoint,
  FIRST,
  LATER,
  OLD_CHECKPOINT,
  OTHER_CHECKPOINT,
  putChain,
  restore,
  SECOND,
} from './restore-fixture.ts';
import {
  contentOf,
  createSnapshotFixture,
  DISK_BYTES,
  GUEST,
  infoOf,
  KIB,
  putEncrypted,
  putMachine,
  readDisk,
  run,
  SECRET_KEY,
  type SnapshotFixture,
  writeDisk,
  writeTo,
} from './snapshot-fixture.ts';

let fixture: SnapshotFixture;

beforeEach(() => {
  fixture = createSnapshotFixture();
});

afterEach(() => fixture.dispose());

describe('a restore', () => {
  it('gives the volume the content of the snapshot, in a file of its own with the owner and mode of the old one', async () => {
    const { base } = await putChain(fixture);
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [FIRST, SECOND, LATER]);
    chmodSync(disk, 0o640);
    chownSync(disk, 123, 456);
    putMachine(fixture, [{ target: 'vda', path: disk }]);
    const operation = await restore(fixture.core(), base.id);
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
    const { top } = await putChain(fixture);
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]);
    putMachine(fixture, [{ target: 'vda', path: disk }]);
    expect((await restore(fixture.core(), top.id.slice(0, 8))).error).toBeNull();
    expect(readDisk(disk, 'qcow2').equals(contentOf(FIRST, SECOND))).toBe(true);
  });

  it('begins a new bitmap, of which libvirt and the record know, and makes the snapshot the parent of the next', async () => {
    const { base, top } = await putChain(fixture);
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]);
    const domain = putMachine(fixture, [{ target: 'vda', path: disk }], {
      checkpoints: [
        checkpoint(OTHER_CHECKPOINT, ['vda']),
        checkpoint(OLD_CHECKPOINT, ['vda'], { parent: OTHER_CHECKPOINT }),
      ],
    });
    const { id } = await restore(fixture.core(), base.id);
    const name = checkpointName(id);
    expect(infoOf(disk)['format-specific']?.data.bitmaps).toMatchObject([{ name }]);
    expect(domain.checkpoints).toMatchObject([{ name, targets: ['vda'], parent: null }]);
    const record = await fixture.snapshots.read(base.id);
    expect(record.checkpoint).toBe(name);
    expect(record.headAt > top.headAt).toBe(true);
    expect(await fixture.snapshots.read(top.id)).toEqual(top);
  });

  it('leaves other disks their checkpoints, and other people theirs', async () => {
    const { base } = await putChain(fixture);
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
          checkpoint(OTHER_CHECKPOINT, ['vdb'], { parent: 'nightly' }),
          checkpoint(OLD_CHECKPOINT, ['vda', 'vdb'], { parent: OTHER_CHECKPOINT }),
        ],
      },
    );
    const { id } = await restore(fixture.core(), base.id);
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
    expect(await restore(fixture.core(), id)).toMatchObject({
      status: 'failed',
      error: { code: 'ENCRYPTION_KEY_MISSING' },
    });
    expect(readDisk(disk, 'qcow2').equals(contentOf(LATER))).toBe(true);
    expect((await restore(fixture.core({ keys: SECRET_KEY }), id)).error).toBeNull();
    expect(readDisk(disk, 'qcow2').equals(contentOf(FIRST))).toBe(true);
  });

  it('writes a raw volume raw, for which no bitmap begins', async () => {
    const { top } = await putChain(fixture);
    const disk = writeDisk(fixture.disk('web.raw'), 'raw', [LATER]);
    const domain = putMachine(fixture, [{ target: 'vda', path: disk, format: 'raw' }]);
    expect((await restore(fixture.core(), top.id)).error).toBeNull();
    expect(readFileSync(disk).equals(contentOf(FIRST, SECOND))).toBe(true);
    expect(domain.checkpoints).toEqual([]);
    expect((await fixture.snapshots.read(top.id)).checkpoint).toBeNull();
  });

  it('replaces the file behind a link, not the link', async () => {
    const { base } = await putChain(fixture);
    const disk = writeDisk(fixture.disk('real.qcow2'), 'qcow2', [LATER]);
    symlinkSync(disk, fixture.disk('web.qcow2'));
    putMachine(fixture, [{ target: 'vda', path: fixture.disk('web.qcow2') }]);
    expect((await restore(fixture.core(), base.id)).error).toBeNull();
    expect(fixture.listDisks()).toEqual(['real.qcow2', 'web.qcow2']);
    expect(readDisk(disk, 'qcow2').equals(contentOf(FIRST))).toBe(true);
  });

  it('says that a thin disk stands alone now, and takes its old chain out of the definition', async () => {
    const { base } = await putChain(fixture);
    const image = writeDisk(fixture.disk('image.qcow2'), 'qcow2', [LATER]);
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [SECOND], image);
    const chain =
      `<backingStore type='file'><format type='qcow2'/><source file='${image}'>` +
      `<seclabel model='dac' relabel='no'/></source><backingStore/></backingStore>`;
    const domain = putMachine(fixture, [{ target: 'vda', path: disk, extra: chain }]);
    const { warnings, error } = await restore(fixture.core(), base.id);
    expect(error).toBeNull();
    expect(warnings).toEqual([expect.stringContaining(`stood on ${image}`)]);
    expect(domain.inactiveXml).not.toContain(image);
    expect(domain.inactiveXml).toContain('<backingStore/>');
    expect(readDisk(disk, 'qcow2').equals(contentOf(FIRST))).toBe(true);
  });

  it('never has a definition that states a chain for a file that has another', async () => {
    const { base } = await putChain(fixture);
    const image = writeDisk(fixture.disk('image.qcow2'), 'qcow2', [LATER]);
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [SECOND], image);
    const chain = `<backingStore type='file'><format type='qcow2'/><source file='${image}'/></backingStore>`;
    const domain = putMachine(fixture, [{ target: 'vda', path: disk, extra: chain }]);
    const files = makeFaulty(fixture.files);
    files.before('rename', () => expect(domain.inactiveXml).not.toContain('backingStore'));
    expect((await restore(fixture.core({ files: files.port }), base.id)).error).toBeNull();
    expect(files.calls).toContain('rename');
  });

  it('gives the volume the size that it had, and says so', async () => {
    const { base } = await putChain(fixture);
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]);
    run('qemu-img', 'resize', '-q', disk, String(2 * DISK_BYTES));
    putMachine(fixture, [{ target: 'vda', path: disk }]);
    const { warnings } = await restore(fixture.core(), base.id);
    expect(warnings).toEqual([expect.stringContaining('8.0 MiB')]);
    expect(readDisk(disk, 'qcow2').length).toBe(DISK_BYTES);
  });

  it('works on a volume whose file is damaged', async () => {
    const { base } = await putChain(fixture);
    const disk = writeDisk(fixture.disk('web.qcow2'), 'qcow2', [LATER]);
    writeTo(disk, 'raw', [{ pattern: 0xff, offset: 0, length: 4 * KIB }]);
    putMachine(fixture, [{ target: 'vda', path: disk }]);
    expect((await restore(fixture.core(), base.id)).error).toBeNull();
    expect(readDisk(disk, 'qcow2').equals(contentOf(FIRST))).toBe(true);
  });

  it('keeps every other program from the disk while it works', async () => {
    const { base } = await putChain(fixture);
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
    await restore(fixture.core({ files: files.port, snapshots: snapshots.port }), base.id);
    expect(refused).toEqual([expect.stringContaining('lock'), expect.stringContaining('lock')]);
    expect(readDisk(disk, 'qcow2').equals(contentOf(FIRST))).toBe(true);
  });
});
