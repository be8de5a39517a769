import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DOMAIN_XML_FILE, type Image } from '../../src/model/image.ts';
import type { LaunchInstanceRequest } from '../../src/model/requests.ts';
import type { Core, HostSettings } from '../../src/operations/support/context.ts';
import { createFakeDiskTool, writeFakeDisk } from './fake-disk-tool.ts';
import { createFakeFiles, createFakeProcesses, createFakeSeeds, listTree } from './fake-host.ts';
import { createFakeHypervisor } from './fake-hypervisor.ts';
import { createFakeImageStore } from './fake-image-store.ts';
import { createFakeJournal } from './fake-journal.ts';
import { makeFaulty } from './faulty.ts';
import { createImageCore } from './image-core.ts';
import { makeImage } from './sample-images.ts';

export const IMAGE_ID = '3f1c1d5e-5a6b-4c7d-8e9f-000000000001';
export const NVRAM_CONTENT = 'the variables of the source';
export const DISK_CONTENT = 'written in the source';

export type LaunchHost = ReturnType<typeof makeLaunchHost>;

/** A host of fakes that may fail, with a store and a folder for instances. */
export function makeLaunchHost(settings: Partial<HostSettings> = {}) {
  const root = mkdtempSync(path.join(tmpdir(), 'dr-la-'));
  const instancesDir = path.join(root, 'instances');
  const store = createFakeImageStore();
  const fakes = { files: createFakeFiles(), hypervisor: createFakeHypervisor() };
  const files = makeFaulty(fakes.files);
  const hypervisor = makeFaulty(fakes.hypervisor);
  const diskTool = makeFaulty(createFakeDiskTool());
  const faultyStore = makeFaulty(store);
  const seeds = makeFaulty(createFakeSeeds());
  const journal = makeFaulty(createFakeJournal());
  const core: Core = createImageCore(
    {
      files: files.port,
      hypervisor: hypervisor.port,
      diskTool: diskTool.port,
      store: faultyStore.port,
      seeds: seeds.port,
      journal: journal.port,
    },
    { instancesDir, ...settings },
  );
  return {
    core,
    instancesDir,
    files,
    hypervisor,
    diskTool,
    store: faultyStore,
    seeds,
    journal,
    fakeFiles: fakes.files,
    fakeHypervisor: fakes.hypervisor,
    /** The same host after the process has died. */
    afterDeath: (): Core => ({ ...core, processes: createFakeProcesses(2000) }),
    /** All files of instances, and all domains and claims on the image. */
    leftovers: async () => ({
      files: listTree(instancesDir),
      folders: await fakes.files.list(instancesDir),
      domains: [...fakes.hypervisor.domains.values()].map((domain) => domain.name),
      users: (await store.listUsers(IMAGE_ID)).map((user) => user.instanceName),
      locks: await core.locks.list(),
    }),
    dispose: () => {
      store.dispose();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

export const NOTHING_LEFT = { files: [], folders: [], domains: [], users: [], locks: [] };

/** A published image of a machine with UEFI and one disk. */
export async function publishMachine(
  host: LaunchHost,
  parts: {
    readonly xml?: string | null;
    readonly changes?: Partial<Image>;
    readonly disk?: { content?: string; backing?: string };
  } = {},
): Promise<Image> {
  const draft = await host.core.store.createDraft(IMAGE_ID);
  const image = makeImage(IMAGE_ID, {
    name: 'golden',
    minMemoryMiB: 256,
    nvram: { file: 'nvram.fd', sizeBytes: NVRAM_CONTENT.length, sha256: sha256(NVRAM_CONTENT) },
    ...parts.changes,
  });
  const backing = parts.disk?.backing === undefined ? null : ({ path: parts.disk.backing, format: 'qcow2' } as const);
  const disks = [];
  for (const disk of image.disks) {
    writeFakeDisk(draft.path(disk.file), { content: DISK_CONTENT, format: disk.format, backing });
    const { sizeBytes } = await draft.seal(disk.file);
    disks.push({ ...disk, sizeBytes });
  }
  if (image.nvram !== null) {
    writeFileSync(draft.path(image.nvram.file), NVRAM_CONTENT);
    await draft.seal(image.nvram.file);
  }
  if (parts.xml !== null) {
    writeFileSync(draft.path(DOMAIN_XML_FILE), parts.xml ?? machineXml());
    await draft.seal(DOMAIN_XML_FILE, { isSecret: true });
  }
  for (const { file } of image.tpm) {
    writeFileSync(draft.path(file), 'state');
    await draft.seal(file);
  }
  const whole = { ...image, disks, sizeBytes: disks.reduce((sum, disk) => sum + disk.sizeBytes, 0) };
  await draft.publish(whole);
  return whole;
}

export function machineXml(parts: { devices?: string; os?: string; type?: string } = {}): string {
  return `<domain type='${parts.type ?? 'qemu'}'>
    <name>source</name><uuid>11111111-2222-4333-8444-555555555555</uuid>
    <memory unit='MiB'>256</memory><vcpu>1</vcpu>
    <os><type arch='x86_64' machine='q35'>hvm</type>${parts.os ?? '<nvram>/var/lib/libvirt/qemu/nvram/source_VARS.fd</nvram>'}</os>
    <devices>
      <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/var/lib/libvirt/images/source.qcow2'/><target dev='vda' bus='virtio'/></disk>
      <interface type='network'><mac address='52:54:00:11:22:33'/><source network='default'/></interface>
      ${parts.devices ?? ''}
    </devices></domain>`;
}

export function launchRequest(changes: Partial<LaunchInstanceRequest> = {}): LaunchInstanceRequest {
  return {
    kind: 'instance.launch',
    name: 'web-1',
    image: 'golden',
    memoryMiB: null,
    vcpus: null,
    clone: null,
    isStarted: true,
    network: null,
    sshKeys: [],
    userData: null,
    ...changes,
  };
}

export function sha256(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}

export function sizeOf(file: string): number {
  return statSync(file).size;
}
