import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readDiskPaths } from '../../src/model/domain-xml/disk-sources.ts';
import { overlayPath } from '../../src/model/overlay-name.ts';
import type { ImageDraft } from '../../src/model/ports/image-store.ts';
import type { CreateImageRequest } from '../../src/model/requests.ts';
import type { CapturePlan } from '../../src/operations/capture-plan.ts';
import { createImage } from '../../src/operations/create-image.ts';
import type { Core } from '../../src/operations/support/context.ts';
import { createFakeDiskTool, writeFakeDisk } from './fake-disk-tool.ts';
import { createFakeClock, createFakeFiles, createFakeProcesses } from './fake-host.ts';
import { createFakeHypervisor, type FakeDomain } from './fake-hypervisor.ts';
import { createFakeImageStore } from './fake-image-store.ts';
import { createFakeJournal } from './fake-journal.ts';
import { makeFaulty } from './faulty.ts';
import { createImageCore, runToEnd } from './image-core.ts';

export const GUEST_UUID = '26134ab0-121e-447d-b745-f7b783b84608';
export const OPERATION_ID = '3bc78025-1aff-4db6-b30b-99804d6e014f';

export type CaptureHost = ReturnType<typeof makeCaptureHost>;

/** A host of fakes that may fail, with one running guest that has a qcow2 and a raw disk. */
export function makeCaptureHost() {
  const root = mkdtempSync(path.join(tmpdir(), 'dr-kr-'));
  const folder = path.join(root, 'disks');
  mkdirSync(folder);
  const disks = { vda: path.join(folder, 'vda.qcow2'), vdb: path.join(folder, 'vdb.raw') };
  writeFakeDisk(disks.vda, { content: 'a' });
  writeFakeDisk(disks.vdb, { format: 'raw', content: 'b' });
  const fake = createFakeHypervisor();
  const domain = fake.put(guestXml(disks), { powerState: 'running', agent: 'answering' });
  const store = createFakeImageStore();
  const draftFailures: DraftFailures = new Map();
  const hypervisor = makeFaulty(fake);
  const diskTool = makeFaulty(createFakeDiskTool());
  const files = makeFaulty(createFakeFiles());
  const journal = makeFaulty(createFakeJournal());
  const clock = createFakeClock();
  const core: Core = createImageCore({
    hypervisor: hypervisor.port,
    diskTool: diskTool.port,
    files: files.port,
    journal: journal.port,
    clock,
    store: { ...store, createDraft: (id) => createDraft(() => store.createDraft(id), draftFailures) },
  });
  return {
    core,
    root,
    disks,
    fake,
    domain,
    hypervisor,
    diskTool,
    files,
    journal,
    clock,
    store,
    failDraft: (method: keyof ImageDraft | 'create', error: Error) => void draftFailures.set(method, error),
    capture: (changes: Partial<CreateImageRequest> = {}) => runToEnd(core, createImage, captureRequest(changes)),
    /** The same host after the process has died. */
    afterDeath: (): Core => ({ ...core, processes: createFakeProcesses(2000) }),
    /** All that a capture could leave; compare with NOTHING_LEFT. */
    leftovers: async () => ({
      files: readdirSync(folder).sort(),
      drafts: (await store.listDraftIds()).length,
      locks: (await core.locks.list()).length,
      ...stateOf(fake.domains.get(GUEST_UUID)),
    }),
    dispose: () => {
      store.dispose();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

export const NOTHING_LEFT = {
  files: ['vda.qcow2', 'vdb.raw'],
  drafts: 0,
  locks: 0,
  powerState: 'running',
  isFrozen: false,
  isPersistent: true,
  tops: ['vda.qcow2', 'vdb.raw'],
  definedTops: ['vda.qcow2', 'vdb.raw'],
  jobs: 0,
};

function stateOf(domain: FakeDomain | undefined) {
  return {
    powerState: domain?.powerState ?? 'gone',
    isFrozen: domain?.isFrozen ?? false,
    isPersistent: domain !== undefined && domain.inactiveXml !== null,
    tops: topsOf(domain?.activeXml ?? null),
    definedTops: topsOf(domain?.inactiveXml ?? null),
    jobs: domain?.blockJobs.size ?? 0,
  };
}

/** File names on top of the chains; null where there is no such XML. */
export function topsOf(xml: string | null): readonly string[] | null {
  return xml === null ? null : [...readDiskPaths(xml).values()].map((file) => path.basename(file));
}

export function captureRequest(changes: Partial<CreateImageRequest> = {}): CreateImageRequest {
  return {
    kind: 'image.create',
    instance: 'guest',
    name: 'an image',
    consistency: 'auto',
    description: null,
    properties: {},
    isGeneralized: false,
    isEncrypted: false,
    ...changes,
  };
}

/** A plan as a capture has it, and the guest on its overlays, with something written there. */
export async function putOnOverlays(host: CaptureHost): Promise<CapturePlan> {
  const savedXml = host.domain.inactiveXml ?? '';
  const disks = [
    { target: 'vda', path: host.disks.vda, format: 'qcow2' as const },
    { target: 'vdb', path: host.disks.vdb, format: 'raw' as const },
  ].map((disk) => ({ ...disk, isBlockDevice: false, overlayPath: overlayPath(disk.path, OPERATION_ID) }));
  for (const disk of disks) {
    writeFakeDisk(disk.overlayPath, { content: `on the overlay of ${disk.target}`, backing: disk });
  }
  const named = disks.map((disk) => `<disk name='${disk.target}'><source file='${disk.overlayPath}'/></disk>`);
  await host.fake.createDiskSnapshot(GUEST_UUID, `<domainsnapshot><disks>${named.join('')}</disks></domainsnapshot>`);
  return {
    version: 1,
    instanceId: GUEST_UUID,
    instanceName: 'guest',
    imageId: '3f1c1d5e-5a6b-4c7d-8e9f-000000000001',
    powerState: 'running',
    isPersistent: true,
    isAutostart: false,
    savedXml,
    disks,
    mayBeFrozen: false,
    mayBePaused: false,
    helpers: [],
    isChainRestored: false,
  };
}

type DraftFailures = Map<keyof ImageDraft | 'create', Error>;

async function createDraft(create: () => Promise<ImageDraft>, failures: DraftFailures): Promise<ImageDraft> {
  const refusal = failures.get('create');
  if (refusal !== undefined) throw refusal;
  const faulty = makeFaulty(await create());
  for (const [method, error] of failures) if (method !== 'create') faulty.failOn(method, error);
  return faulty.port;
}

function guestXml(disks: { readonly vda: string; readonly vdb: string }): string {
  return `<domain type='kvm'>
  <name>guest</name>
  <uuid>${GUEST_UUID}</uuid>
  <memory unit='KiB'>524288</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/><source file='${disks.vda}'/><target dev='vda' bus='virtio'/>
    </disk>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/><source file='${disks.vdb}'/><target dev='vdb' bus='virtio'/>
    </disk>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
  </devices>
</domain>`;
}
