import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DarkroomError, type ErrorCode } from '../../../../../src/model/errors.ts';
import type { PowerState } from '../../../../../src/model/instance.ts';
import { overlayPath } from '../../../../../src/model/overlay-name.ts';
import type { DiskTool } from '../../../../../src/model/ports/disk-tool.ts';
import { type Inspection, inspectInstance } from '../../../../../src/operations/steps/capture/inspect-instance.ts';
import { expectFailure } from '../../../../support/expect-failure.ts';
import { createFakeDiskTool, writeFakeDisk } from '../../../../support/fake-disk-tool.ts';
import { createFakeHypervisor, type FakeDomain, type FakeHypervisor } from '../../../../support/fake-hypervisor.ts';
import { type Faulty, makeFaulty } from '../../../../support/faulty.ts';
import { createImageCore } from '../../../../support/image-core.ts';

const UUID = '11111111-2222-4333-8444-555555555555';
const OPERATION = '0197c2f4-5d1e-7a3b-8c9d-0e1f2a3b4c5d';

let folder: string;
let hypervisor: FakeHypervisor;
let diskTool: Faulty<DiskTool>;
let guest: FakeDomain;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'dr-inspect-'));
  hypervisor = createFakeHypervisor();
  diskTool = makeFaulty<DiskTool>(createFakeDiskTool());
  writeFakeDisk(file('base.raw'), { format: 'raw' });
  writeFakeDisk(file('vda.qcow2'), { backing: { path: file('base.raw'), format: 'raw' } });
  guest = put(file('vda.qcow2'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string): string => path.join(folder, name);

function put(disk: string, powerState: PowerState = 'running'): FakeDomain {
  const xml = `<domain><name>web</name><uuid>${UUID}</uuid><memory>65536</memory><vcpu>1</vcpu><devices>
    <disk type='file'><driver type='qcow2'/><source file='${disk}'/><target dev='vda'/></disk></devices></domain>`;
  return hypervisor.put(xml, { powerState });
}

function inspect(): Promise<Inspection> {
  const core = createImageCore({ hypervisor, diskTool: diskTool.port });
  return inspectInstance(core, UUID, { signal: new AbortController().signal });
}

it('finds state, disks, chains and the persistent definition', async () => {
  guest.activeXml = guest.activeXml?.replace('<name>web</name>', '<name>web</name><title>running</title>') ?? null;
  const found = await inspect();
  expect(found).toMatchObject({ powerState: 'running', domain: { uuid: UUID }, description: { name: 'web' } });
  expect(found.chains.get('vda')?.map((layer) => layer.path)).toEqual([file('vda.qcow2'), file('base.raw')]);
  expect(found.savedXml).not.toContain('running');
});

it('takes the running definition of a transient domain, which has no other', async () => {
  guest.inactiveXml = null;
  expect((await inspect()).domain.isPersistent).toBe(false);
});

it.each<PowerState>(['paused', 'shutdown', 'suspended'])('takes an instance that is %s', async (powerState) => {
  guest = put(file('vda.qcow2'), powerState);
  expect((await inspect()).powerState).toBe(powerState);
});

it.each<[string, () => void, ErrorCode]>([
  ['row 8: is crashed', () => Object.assign(guest, { powerState: 'crashed' }), 'INSTANCE_STATE'],
  ['row 8: is in no state', () => Object.assign(guest, { powerState: 'nostate' }), 'INSTANCE_STATE'],
  ['has internal snapshots', () => Object.assign(guest, { internalSnapshots: 2 }), 'INTERNAL_SNAPSHOTS'],
  [
    'has an internal snapshot in a disk that libvirt knows nothing of',
    () => writeFakeDisk(file('vda.qcow2'), { internalSnapshotCount: 1 }),
    'INTERNAL_SNAPSHOTS',
  ],
  [
    'has a block job',
    () => void guest.blockJobs.set('vda', { type: 'backup', done: 0, total: 1, hasMirror: false, isReady: false }),
    'INSTANCE_BUSY',
  ],
  ['misses a disk', () => rmSync(file('vda.qcow2')), 'DISK_MISSING'],
  ['has an encrypted disk', () => writeFakeDisk(file('vda.qcow2'), { isEncrypted: true }), 'DISK_UNSUPPORTED'],
  [
    'has a disk that qemu-img cannot read',
    () => diskTool.failOn('infoChain', new DarkroomError('QEMU_IMG_FAILED', 'not in qcow2 format')),
    'DISK_UNSUPPORTED',
  ],
  [
    'is still on the overlay of another capture',
    () => {
      const overlay = overlayPath(file('vda.qcow2'), OPERATION);
      writeFakeDisk(overlay);
      guest = put(overlay);
    },
    'INSTANCE_BUSY',
  ],
])('refuses an instance that %s', async (_what, arrange, code) => {
  arrange();
  await expectFailure(inspect(), code);
});

it('does not ask for block jobs where the guest is off, since there can be none', async () => {
  guest = put(file('vda.qcow2'), 'shutdown');
  hypervisor.getBlockJob = () => Promise.reject(new Error('domain is not running'));
  expect((await inspect()).powerState).toBe('shutdown');
});

it('lets a failure of another kind through as it is', async () => {
  diskTool.failOn('infoChain', new DarkroomError('TOOL_MISSING', 'qemu-img is not installed'));
  await expectFailure(inspect(), 'TOOL_MISSING');
});
