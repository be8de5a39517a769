import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmodSync, statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHypervisor } from '../../../src/drivers/libvirt/create-hypervisor.ts';
import type { Hypervisor } from '../../../src/model/ports/hypervisor.ts';
import { checkpointName } from '../../../src/model/snapshot/checkpoint-name.ts';
import { restoreSnapshot } from '../../../src/operations/restore-snapshot.ts';
import { volumeId } from '../../../src/operations/steps/volume-id.ts';
import { runToEnd } from '../../support/image-core.ts';
import {
  contentOf,
  createSnapshotFixture,
  KIB,
  MIB,
  putSnapshot,
  readDisk,
  type SnapshotFixture,
  writeDisk,
} from './snapshot-fixture.ts';

const KEPT = { pattern: 0x11, offset: 0, length: 256 * KIB };
const LATER = { pattern: 0x33, offset: MIB, length: MIB };
const FIRST = checkpointName('77777777-0000-4000-8000-000000000000');
const SECOND = checkpointName('88888888-0000-4000-8000-000000000000');

let fixture: SnapshotFixture;
let hypervisor: Hypervisor;
const uuid = randomUUID();
const name = `dr-h4-${uuid.slice(0, 8)}`;

beforeAll(async () => {
  fixture = createSnapshotFixture();
  hypervisor = createHypervisor({ uri: 'qemu:///system' });
  for (const disk of ['web.qcow2', 'data.qcow2']) {
    writeDisk(fixture.disk(disk), 'qcow2', [LATER]);
    chmodSync(fixture.disk(disk), 0o666);
  }
  await hypervisor.defineDomain(domainXml());
  await hypervisor.startDomain(uuid, { isPaused: true });
  makeCheckpoint(FIRST, ['vda']);
  makeCheckpoint(SECOND, ['vda', 'vdb']);
  await hypervisor.destroyDomain(uuid);
});

afterAll(async () => {
  virsh('destroy', name);
  virsh('undefine', name, '--checkpoints-metadata');
  await hypervisor[Symbol.asyncDispose]();
  fixture.dispose();
});

describe('a restore with qemu:///system', () => {
  it('leaves libvirt with checkpoints that hold, of this disk from the restore on and of the other as before', async () => {
    const volume = volumeId(uuid, 'vda');
    const snapshot = await putSnapshot(fixture, 'a', { writes: [KEPT], record: { instance: uuid, volume } });
    const before = statSync(fixture.disk('web.qcow2'));
    const request = { kind: 'snapshot.restore', snapshot: snapshot.id } as const;
    const operation = await runToEnd(fixture.core({ hypervisor }), restoreSnapshot, request);
    expect(operation.error).toBeNull();
    expect(readDisk(fixture.disk('web.qcow2'), 'qcow2').equals(contentOf(KEPT))).toBe(true);
    expect(statSync(fixture.disk('web.qcow2'))).toMatchObject({ uid: before.uid, gid: before.gid, mode: before.mode });
    const begun = checkpointName(operation.id);
    expect(await listCheckpoints()).toEqual([
      { name: SECOND, parent: null, targets: ['vdb'] },
      { name: begun, parent: SECOND, targets: ['vda'] },
    ]);

    await hypervisor.startDomain(uuid, { isPaused: true });
    write('vda', 'write -P 7 0 64k');
    expect(await hypervisor.readCheckpointSizes(uuid, begun)).toEqual(new Map([['vda', 64 * KIB]]));
    expect(await hypervisor.readCheckpointSizes(uuid, SECOND)).toEqual(new Map([['vdb', 0]]));
    const next = checkpointName(randomUUID());
    makeCheckpoint(next, ['vda', 'vdb']);
    expect((await listCheckpoints()).at(-1)).toEqual({ name: next, parent: begun, targets: ['vda', 'vdb'] });
  });
});

async function listCheckpoints() {
  const checkpoints = await hypervisor.listCheckpoints(uuid);
  return checkpoints.map((checkpoint) => ({
    name: checkpoint.name,
    parent: checkpoint.parent,
    targets: checkpoint.targets,
  }));
}

function makeCheckpoint(checkpoint: string, targets: readonly string[]): void {
  const others = ['vda', 'vdb'].filter((target) => !targets.includes(target));
  const specs = [
    ...targets.map((target) => `${target},checkpoint=bitmap,bitmap=${checkpoint}`),
    ...others.map((target) => `${target},checkpoint=no`),
  ];
  execFileSync('virsh', ['checkpoint-create-as', name, checkpoint, ...specs.flatMap((spec) => ['--diskspec', spec])]);
}

/** As the guest would. */
function write(target: string, command: string): void {
  const index = ['vda', 'vdb'].indexOf(target);
  const device = `/machine/peripheral/virtio-disk${index}/virtio-backend`;
  for (const each of [command, 'flush'])
    execFileSync('virsh', ['qemu-monitor-command', name, '--hmp', `qemu-io -d ${device} "${each}"`]);
}

function virsh(...args: readonly string[]): void {
  try {
    execFileSync('virsh', args, { stdio: 'ignore' });
  } catch {
    // it was not there
  }
}

function domainXml(): string {
  const disks = [
    ['vda', fixture.disk('web.qcow2')],
    ['vdb', fixture.disk('data.qcow2')],
  ].map(
    ([target, file]) =>
      `<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${file}'/>` +
      `<target dev='${target}' bus='virtio'/></disk>`,
  );
  return (
    `<domain type='qemu'><name>${name}</name><uuid>${uuid}</uuid><memory unit='MiB'>64</memory><vcpu>1</vcpu>` +
    `<os><type arch='x86_64' machine='q35'>hvm</type></os><devices>${disks.join('')}<memballoon model='none'/></devices></domain>`
  );
}
