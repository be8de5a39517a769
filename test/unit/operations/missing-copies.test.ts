import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createS3Images } from '../../../src/drivers/stores/s3/images/s3-images.ts';
import { createMirror } from '../../../src/drivers/stores/s3/mirror/create-mirror.ts';
import { listPinned } from '../../../src/drivers/stores/s3/mirror/pins.ts';
import type { DoctorCheck } from '../../../src/model/doctor.ts';
import { diagnoseHost } from '../../../src/operations/diagnose-host.ts';
import { powerInstance } from '../../../src/operations/power-instance.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { createFakeBucket, type FakeBucket } from '../../support/fake-bucket.ts';
import { writeFakeDisk } from '../../support/fake-disk-tool.ts';
import { createFakeHypervisor, type FakeDomain } from '../../support/fake-hypervisor.ts';
import { createImageCore, runToEnd } from '../../support/image-core.ts';
import { machineXml } from '../../support/launch-host.ts';
import { makeImage } from '../../support/sample-images.ts';

const ID = '3f1c1d5e-5a6b-4c7d-8e9f-000000000001';

let root: string;
let bucket: FakeBucket;
let core: Core;
let domain: FakeDomain;
let copy: string;

/** A thin instance that is off, and its host's copies removed by somebody. */
beforeEach(async () => {
  root = mkdtempSync('/var/tmp/dr-mis-');
  bucket = createFakeBucket();
  const mirrorRoot = path.join(root, 'mirror');
  const mirror = createMirror(bucket, { rootPath: mirrorRoot, limitBytes: 1e9, imageGroup: '0' });
  const images = { bucket, mirror, location: bucket.location, hostName: 'host-a', imageGroup: '0' };
  const store = createS3Images(images);
  const hypervisor = createFakeHypervisor();
  domain = hypervisor.put(machineXml(), { powerState: 'shutdown' });
  core = {
    ...createImageCore({ hypervisor, store }, { instancesDir: path.join(root, 'instances') }),
    hostName: 'host-a',
  };

  const draft = await store.createDraft(ID);
  writeFakeDisk(draft.path('disk-vda.qcow2'), { content: 'of the image' });
  const { sizeBytes } = await draft.seal('disk-vda.qcow2');
  const disks = makeImage(ID).disks.map((disk) => ({ ...disk, sizeBytes }));
  await draft.publish(makeImage(ID, { name: 'web', disks }));
  copy = draft.sealedPath('disk-vda.qcow2');
  launchThin();
  rmSync(mirrorRoot, { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true }));

function launchThin(changes: { readonly backing?: null } = {}): void {
  const folder = path.join(root, 'instances', domain.uuid);
  mkdirSync(folder, { recursive: true });
  const backing = { path: copy, format: 'qcow2' } as const;
  writeFakeDisk(path.join(folder, 'disk-vda.qcow2'), { backing, ...changes });
  const record = {
    ...{ version: 1, instanceId: domain.uuid, instanceName: 'source', imageId: ID, clone: 'thin' },
    ...{ files: ['disk-vda.qcow2', 'seed.iso'], createdAt: '2026-01-01T00:00:00.000Z' },
  };
  writeFileSync(path.join(folder, 'instance.json'), JSON.stringify(record));
}

async function diagnose(options: { readonly isRepairing: boolean }): Promise<DoctorCheck[]> {
  const { checks } = await diagnoseHost(core, {}, options);
  return checks.filter(({ id }) => id === 'disk.backing');
}

describe('a copy that a disk stands on and that is gone', () => {
  it('is told of by doctor, which fetches nothing by itself', async () => {
    const [check, ...more] = await diagnose({ isRepairing: false });
    expect(check).toMatchObject({ status: 'error', isRepaired: false });
    expect(check?.message).toContain(copy);
    expect(check?.remedy).toContain('doctor --repair');
    expect(more).toEqual([]);
    expect(existsSync(copy)).toBe(false);
  });

  it('is fetched by --repair, and kept for the instance from then on', async () => {
    expect(await diagnose({ isRepairing: true })).toMatchObject([{ status: 'ok', isRepaired: true }]);
    expect(existsSync(copy)).toBe(true);
    expect(await listPinned(path.join(root, 'mirror'))).toEqual([`images/${ID}/`]);
    expect(await diagnose({ isRepairing: false })).toMatchObject([{ status: 'ok', isRepaired: false }]);
  });

  it('is fetched when the instance starts', async () => {
    const { status } = await runToEnd(core, powerInstance, { kind: 'instance.start', instance: 'source' });
    expect(status).toBe('succeeded');
    expect(existsSync(copy)).toBe(true);
  });

  it('is said to be gone for good where the store has it no more, and nothing is started', async () => {
    bucket.objects.clear();
    expect(await diagnose({ isRepairing: true })).toMatchObject([{ status: 'error' }]);
    const { error } = await runToEnd(core, powerInstance, { kind: 'instance.start', instance: 'source' });
    expect(error?.code).toBe('IMAGE_NOT_FOUND');
    expect(domain.powerState).toBe('shutdown');
  });
});

it('a disk that was flattened since misses nothing', async () => {
  launchThin({ backing: null });
  expect(await diagnose({ isRepairing: false })).toMatchObject([{ status: 'ok' }]);
});
