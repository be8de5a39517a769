import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDiskTool } from '../../../src/drivers/qemu-img/disk-tool.ts';
import { createS3Images } from '../../../src/drivers/stores/s3/images/s3-images.ts';
import { createMirror } from '../../../src/drivers/stores/s3/mirror/create-mirror.ts';
import { listPinned } from '../../../src/drivers/stores/s3/mirror/pins.ts';
import type { Mirror } from '../../../src/drivers/stores/s3/mirror.ts';
import { isPinWanted } from '../../../src/drivers/stores/s3/pin-owners.ts';
import { createS3Snapshots } from '../../../src/drivers/stores/s3/snapshots/s3-snapshots.ts';
import type { DoctorCheck } from '../../../src/model/doctor.ts';
import type { CreateVolumeRequest } from '../../../src/model/snapshot/requests.ts';
import type { SnapshotRecord } from '../../../src/model/snapshot/snapshot.ts';
import { createVolume } from '../../../src/operations/create-volume.ts';
import { diagnoseHost } from '../../../src/operations/diagnose-host.ts';
import { powerInstance } from '../../../src/operations/power-instance.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { createFakeBucket, type FakeBucket } from '../../support/fake-bucket.ts';
import { createFakeHypervisor, type FakeHypervisor } from '../../support/fake-hypervisor.ts';
import { createImageCore, runToEnd } from '../../support/image-core.ts';
import { machineXml } from '../../support/launch-host.ts';
import { SAMPLE_VOLUME, sampleSnapshot } from '../../support/sample-snapshots.ts';
import { keepSnapshot } from '../../support/snapshot-files.ts';

const MIB = 1024 ** 2;
const LIMIT_BYTES = 2 * MIB;
const HOST = 'host-a';
const HOURS_AGO = new Date(Date.now() - 5 * 60 * 60 * 1000);

let root: string;
let mirrorRoot: string;
let bucket: FakeBucket;
let mirror: Mirror;
let hypervisor: FakeHypervisor;
let core: Core;
let volume: string;
const base = sampleSnapshot('a', { logicalBytes: 4 * MIB });
const top = sampleSnapshot('b', { logicalBytes: 4 * MIB, parent: base.id });

/** A thin volume on the second of two snapshots, of real qcow2 files. */
beforeEach(async () => {
  root = mkdtempSync('/var/tmp/dr-lay-');
  bucket = createFakeBucket();
  mirrorRoot = path.join(root, 'mirror');
  mirror = createMirror(bucket, {
    ...{ rootPath: mirrorRoot, limitBytes: LIMIT_BYTES, imageGroup: '0' },
    isWanted: (prefix, name) => isPinWanted({ bucket, hostName: HOST }, prefix, name),
  });
  const parts = { bucket, mirror, hostName: HOST, imageGroup: '0' };
  hypervisor = createFakeHypervisor();
  core = {
    ...createImageCore(
      {
        ...{ hypervisor, diskTool: createDiskTool() },
        store: createS3Images({ ...parts, location: bucket.location }),
        snapshots: createS3Snapshots(parts),
      },
      { instancesDir: path.join(root, 'instances') },
    ),
    hostName: HOST,
  };
  const work = path.join(root, 'work');
  mkdirSync(work);
  await keepSnapshot(core.snapshots, base, { content: makeDisk(work, base, null) });
  await keepSnapshot(core.snapshots, top, { content: makeDisk(work, top, base) });
  volume = path.join(root, 'instances', 'data.qcow2');
  mkdirSync(path.dirname(volume));
  const request: CreateVolumeRequest = {
    ...{ kind: 'volume.create', snapshot: top.id, path: volume, clone: 'thin', format: 'qcow2' },
  };
  expect(await runToEnd(core, createVolume, request)).toMatchObject({ status: 'succeeded', error: null });
});
afterEach(() => rmSync(root, { recursive: true }));

/** As it lies in the store: what it stands on is named by its id, beside it. */
function makeDisk(folder: string, { id }: SnapshotRecord, below: SnapshotRecord | null): Buffer {
  const name = `${id}.qcow2`;
  const backing = below === null ? [] : ['-b', `${below.id}.qcow2`, '-F', 'qcow2'];
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', ...backing, name, '4M'], { cwd: folder });
  execFileSync('qemu-io', ['-c', `write -P ${id.charCodeAt(0)} ${below === null ? 0 : '1M'} 64k`, name], {
    cwd: folder,
  });
  return readFileSync(path.join(folder, name));
}

async function diagnose(options: { readonly isRepairing: boolean }): Promise<DoctorCheck[]> {
  const { checks } = await diagnoseHost(core, {}, options);
  return checks.filter(({ id }) => id === 'disk.backing');
}

/** Its content through the whole chain. */
function readVolume(): void {
  for (const [pattern, offset] of [
    [base.id.charCodeAt(0), 0],
    [top.id.charCodeAt(0), '1M'],
  ])
    execFileSync('qemu-io', ['-r', '-c', `read -P ${pattern} ${offset} 64k`, volume], { stdio: 'pipe' });
}

const pinned = [base, top].map(({ id }) => `snapshots/${SAMPLE_VOLUME}/${id}.qcow2`);

describe('a copy of a snapshot that a thin volume stands on and that is gone', () => {
  it('is told of by doctor, which fetches nothing by itself', async () => {
    expect(await diagnose({ isRepairing: false })).toMatchObject([{ status: 'ok', isRepaired: false }]);
    rmSync(mirrorRoot, { recursive: true });
    const [check, ...more] = await diagnose({ isRepairing: false });
    expect(check).toMatchObject({ status: 'error', remedy: expect.stringContaining('doctor --repair') });
    expect(check?.message).toContain(`the disk ${volume} stands on the snapshot ${top.id}, of which`);
    expect(check?.message).toContain(core.snapshots.filePath(top));
    expect(more).toEqual([]);
    expect(existsSync(core.snapshots.filePath(top))).toBe(false);
  });

  it.each([
    ['all copies', () => rmSync(mirrorRoot, { recursive: true })],
    ['the one at the bottom', () => rmSync(core.snapshots.filePath(base))],
  ])('is fetched by --repair to where it was, where %s went, and kept from then on', async (_what, loseCopies) => {
    loseCopies();
    expect(readVolume).toThrow();
    expect(await diagnose({ isRepairing: true })).toMatchObject([{ status: 'ok', isRepaired: true }]);
    readVolume();
    expect([...(await listPinned(mirrorRoot))].sort()).toEqual(pinned);
    expect(await diagnose({ isRepairing: false })).toMatchObject([{ status: 'ok', isRepaired: false }]);
  });

  it('is told of where the volume is on no record any more, but a domain has it', async () => {
    hypervisor.put(machineXml().replace('/var/lib/libvirt/images/source.qcow2', volume), { powerState: 'shutdown' });
    await core.snapshots.update(top);
    rmSync(mirrorRoot, { recursive: true });
    expect(await diagnose({ isRepairing: true })).toMatchObject([{ status: 'ok', isRepaired: true }]);
    readVolume();
  });

  it('is fetched when the instance starts that has the volume', async () => {
    const domain = hypervisor.put(machineXml().replace('/var/lib/libvirt/images/source.qcow2', volume), {
      powerState: 'shutdown',
    });
    rmSync(mirrorRoot, { recursive: true });
    const { status } = await runToEnd(core, powerInstance, { kind: 'instance.start', instance: domain.uuid });
    expect(status).toBe('succeeded');
    readVolume();
  });

  it('is said to be gone for good where the store has it no more', async () => {
    rmSync(mirrorRoot, { recursive: true });
    bucket.objects.delete(pinned[0] ?? '');
    const [check] = await diagnose({ isRepairing: true });
    expect(check).toMatchObject({ status: 'error', isRepaired: false });
    expect(check?.message).toContain('SNAPSHOT_DAMAGED');
  });
});

it('keeps the copies of a thin volume however full the cache is, until the volume is gone', async () => {
  const layers = [base, top].map((each) => core.snapshots.filePath(each));
  const age = () => {
    for (const layer of layers) {
      const note = path.join(path.dirname(layer), `.${path.basename(layer)}.copy`);
      if (existsSync(note)) utimesSync(note, HOURS_AGO, HOURS_AGO);
    }
    for (const name of readdirSync(path.join(mirrorRoot, '.pins'), { recursive: true }))
      utimesSync(path.join(mirrorRoot, '.pins', String(name)), HOURS_AGO, HOURS_AGO);
  };
  const fill = async (name: string) => {
    await bucket.put(name, Buffer.alloc(LIMIT_BYTES));
    await mirror.fetch(name);
  };
  age();
  await fill('images/x/one');
  age();
  await mirror.free(Number.MAX_SAFE_INTEGER);
  expect(layers.map((layer) => existsSync(layer))).toEqual([true, true]);
  readVolume();

  rmSync(volume);
  await core.snapshots.update(top);
  age();
  await fill('images/x/other');
  expect(layers.map((layer) => existsSync(layer))).toEqual([false, false]);
});
