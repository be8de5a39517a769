import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ShelveInstanceRequest, UnshelveInstanceRequest } from '../../src/model/requests.ts';
import type { Core, HostSettings } from '../../src/operations/support/context.ts';
import { createFakeDiskTool, readFakeContent, writeFakeDisk } from './fake-disk-tool.ts';
import { createFakeClock, createFakeFiles, createFakeProcesses, listTree } from './fake-host.ts';
import { createFakeHypervisor, type FakeDomain } from './fake-hypervisor.ts';
import { createFakeImageStore } from './fake-image-store.ts';
import { createFakeJournal, createFakeLocks } from './fake-journal.ts';
import { createFakeShelf } from './fake-shelf.ts';
import { makeFaulty } from './faulty.ts';
import { createImageCore } from './image-core.ts';
import { createGate, type Gate } from './mishaps.ts';

export const GUEST_UUID = '26134ab0-121e-447d-b745-f7b783b84608';
const BASE_IMAGE_ID = '3f1c1d5e-5a6b-4c7d-8e9f-000000000001';
const MAC = '52:54:00:12:34:56';
const CHECKPOINT = '<domaincheckpoint><name>monday</name><creationTime>1700000000</creationTime></domaincheckpoint>';

/** What hosts share. */
export interface FakeStorage {
  readonly store: ReturnType<typeof createFakeImageStore>;
  readonly shelf: ReturnType<typeof createFakeShelf>;
}

export interface ShelfHostOptions {
  readonly hostName?: string;
  /** Where another host's store is meant. */
  readonly storage?: FakeStorage;
  /** Folder of the host's files; a new one unless it is stated. */
  readonly root?: string;
  readonly settings?: Partial<HostSettings>;
}

export type ShelfHost = ReturnType<typeof makeShelfHost>;

/** A host of fakes with files of its own, which one process after another may work on. */
export function makeShelfHost(options: ShelfHostOptions = {}) {
  const root = options.root ?? mkdtempSync(path.join(tmpdir(), 'dr-sh-'));
  const folders = { disks: 'disks', nvram: 'nvram', saves: 'saves', instances: 'instances' };
  const at = (...names: readonly string[]): string => path.join(root, ...names);
  for (const folder of Object.values(folders)) mkdirSync(at(folder), { recursive: true });
  const storage = options.storage ?? { store: createFakeImageStore(), shelf: createFakeShelf() };
  const hypervisor = createFakeHypervisor();
  hypervisor.saveFolder = at(folders.saves);
  const fakes = {
    hypervisor,
    files: createFakeFiles(),
    diskTool: createFakeDiskTool(),
    journal: createFakeJournal(),
    clock: createFakeClock(),
  };
  const faulty = {
    hypervisor: makeFaulty(fakes.hypervisor),
    files: makeFaulty(fakes.files),
    diskTool: makeFaulty(fakes.diskTool),
    store: makeFaulty(storage.store),
    shelf: makeFaulty(storage.shelf),
    journal: makeFaulty(fakes.journal),
  };
  const living = new Set<number>();
  const locks = createFakeLocks(({ pid }) => living.has(pid));
  const makeProcess = (pid: number, gate: Gate = createGate(null)): Core => {
    living.clear();
    living.add(pid);
    const store = faulty.store.port;
    return createImageCore(
      {
        hypervisor: gate.guard('hypervisor', faulty.hypervisor.port),
        files: gate.guard('files', faulty.files.port),
        diskTool: gate.guard('diskTool', faulty.diskTool.port),
        shelf: gate.guard('shelf', faulty.shelf.port),
        journal: gate.guard('journal', faulty.journal.port),
        store: gate.guard('store', {
          ...storage.store,
          ...bindAll(store),
          createDraft: async (id) => gate.guard('draft', await store.createDraft(id)),
          openDraft: (id) => gate.guard('draft', store.openDraft(id)),
        }),
        clock: fakes.clock,
        processes: createFakeProcesses(pid),
        locks,
        hostName: options.hostName ?? 'host-a',
      },
      { instancesDir: at(folders.instances), ...options.settings },
    );
  };
  return {
    root,
    at,
    storage,
    fakes,
    ...faulty,
    /** The only process that lives from now on. */
    process: makeProcess,
    core: makeProcess(1000),
    guest: (): FakeDomain | undefined => fakes.hypervisor.domains.get(GUEST_UUID),
    dispose: () => {
      storage.store.dispose();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** The store's calls by way of the one given, so that they may fail. */
function bindAll(store: FakeStorage['store']): Partial<FakeStorage['store']> {
  return {
    assertWritable: () => store.assertWritable(),
    readImage: (id) => store.readImage(id),
    updateImage: (image) => store.updateImage(image),
    deleteImage: (id) => store.deleteImage(id),
    resolveFile: (id, file) => store.resolveFile(id, file),
    listUsers: (id) => store.listUsers(id),
    removeUser: (id, instanceId) => store.removeUser(id, instanceId),
  };
}

export interface GuestOptions extends Partial<Pick<FakeDomain, 'powerState' | 'isAutostart' | 'isObedient'>> {
  /** Its first disk stands on a base. */
  readonly isChained?: boolean;
  /** As a launch of ours made it, in a folder of its own. */
  readonly isLaunched?: boolean;
}

/** A guest with UEFI, a qcow2 and a raw disk, a checkpoint, a reserved address, and things in its XML that nobody knows. */
export async function putGuest(host: ShelfHost, options: GuestOptions = {}): Promise<FakeDomain> {
  const { isChained = false, isLaunched = false, ...state } = options;
  const own = isLaunched ? ['instances', GUEST_UUID] : ['disks'];
  const paths = { vda: host.at(...own, 'vda.qcow2'), vdb: host.at(...own, 'vdb.raw') };
  const nvram = isLaunched ? host.at(...own, 'nvram.fd') : host.at('nvram', 'guest_VARS.fd');
  mkdirSync(path.dirname(paths.vda), { recursive: true });
  const base = host.at('disks', 'base.qcow2');
  if (isChained) writeFakeDisk(base, { content: 'of vda' });
  writeFakeDisk(paths.vda, isChained ? { backing: { path: base, format: 'qcow2' } } : { content: 'of vda' });
  writeFakeDisk(paths.vdb, { format: 'raw', content: 'of vdb' });
  for (const file of Object.values(paths))
    await host.fakes.files.setOwnership(file, { uid: 64055, gid: 107, mode: 0o600 });
  writeFileSync(nvram, 'variables');
  if (isLaunched) pretendLaunch(path.dirname(paths.vda));
  host.fakes.hypervisor.reservations = [{ network: 'default', mac: MAC, address: '192.168.122.10', name: 'guest' }];
  return host.fakes.hypervisor.put(guestXml({ ...paths, nvram, isLaunched }), {
    powerState: 'running',
    isAutostart: true,
    checkpoints: [{ name: 'monday', parent: null, targets: [], creationTime: 1_700_000_000, xml: CHECKPOINT }],
    ...state,
  });
}

function pretendLaunch(folder: string): void {
  writeFileSync(path.join(folder, 'seed.iso'), 'a seed');
  const record = {
    version: 1,
    instanceId: GUEST_UUID,
    instanceName: 'guest',
    imageId: BASE_IMAGE_ID,
    clone: 'full',
    files: ['vda.qcow2', 'vdb.raw', 'nvram.fd', 'seed.iso'],
    createdAt: '2026-01-01T00:00:00.000Z',
  };
  writeFileSync(path.join(folder, 'instance.json'), `${JSON.stringify(record, null, 2)}\n`);
}

interface GuestFiles {
  readonly vda: string;
  readonly vdb: string;
  readonly nvram: string;
  readonly isLaunched: boolean;
}

function guestXml({ vda, vdb, nvram, isLaunched }: GuestFiles): string {
  const own = `<darkroom:instance xmlns:darkroom="urn:darkroom:instance:1" image="${BASE_IMAGE_ID}"/>`;
  return `<domain type='kvm'>
  <name>guest</name><uuid>${GUEST_UUID}</uuid>
  <metadata><mine:note xmlns:mine="urn:mine" keep="this">ours</mine:note>${isLaunched ? own : ''}</metadata>
  <memory unit='KiB'>524288</memory><vcpu>2</vcpu>
  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type><nvram>${nvram}</nvram></os>
  <devices>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${vda}'/><target dev='vda' bus='virtio'/></disk>
    <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='${vdb}'/><target dev='vdb' bus='virtio'/></disk>
    <interface type='network'><mac address='${MAC}'/><source network='default'/></interface>
  </devices>
</domain>`;
}

/** Disks lie elsewhere than the store, so that they are copied. */
export function separateStore(host: ShelfHost): void {
  host.fakes.files.declare(host.storage.store.rootPath, { device: 2 });
}

/** All that a person could see of the machine: equal before and after what was undone. Ids of images are not in it. */
export async function lookAt(host: ShelfHost) {
  const { store, shelf } = host.storage;
  const { images } = await store.listImages();
  const record = await shelf.read(GUEST_UUID);
  const guest = host.guest();
  const anonymous = (text: string | null): string | null => text?.replaceAll(host.root, '/host') ?? null;
  return {
    guest: guest && {
      powerState: guest.powerState,
      definition: anonymous(guest.inactiveXml),
      hasManagedSave: guest.hasManagedSave,
      isAutostart: guest.isAutostart,
      checkpoints: guest.checkpoints.map(({ name }) => name),
    },
    files: Object.fromEntries(
      listTree(host.root).map((file) => [file, anonymous(readFileSync(host.at(file), 'utf8'))]),
    ),
    images: images.map(({ name, status }) => `${name} ${status}`),
    drafts: (await store.listDraftIds()).length,
    record: record && { state: record.state, powerState: record.powerState, isImageDeferred: record.isImageDeferred },
    claims: shelf.claims.size,
    held: host.fakes.diskTool.held.length,
    unsettled: (await host.fakes.journal.list({ isUnsettled: true })).length,
  };
}

/** Whether disks, definition and firmware variables are each to be had whole, on the host or in the store. */
export function isWhole(host: ShelfHost, guestFolder = 'disks'): boolean {
  const images = path.join(host.storage.store.rootPath, 'images');
  const folders = existsSync(images) ? readdirSync(images).map((id) => path.join(images, id)) : [];
  const definition = host.guest()?.inactiveXml;
  const isDisk = (file: string, content: string): boolean => existsSync(file) && readFakeContent(file) === content;
  const hasFile = (file: string): boolean => existsSync(file) && statSync(file).size > 0;
  const inStore = (names: readonly string[], test: (file: string) => boolean): boolean =>
    folders.some((folder) => names.some((name) => test(path.join(folder, name))));
  const nvrams = [host.at('nvram', 'guest_VARS.fd'), host.at(guestFolder, 'nvram.fd')];
  return (
    (isDisk(host.at(guestFolder, 'vda.qcow2'), 'of vda') ||
      inStore(['disk-vda.qcow2'], (file) => isDisk(file, 'of vda'))) &&
    (isDisk(host.at(guestFolder, 'vdb.raw'), 'of vdb') ||
      inStore(['disk-vdb.raw', 'disk-vdb.qcow2'], (file) => isDisk(file, 'of vdb'))) &&
    (typeof definition === 'string' || inStore(['domain.xml'], hasFile)) &&
    (nvrams.some(hasFile) || inStore(['nvram.fd'], hasFile))
  );
}

export function shelveRequest(changes: Partial<ShelveInstanceRequest> = {}): ShelveInstanceRequest {
  return {
    kind: 'instance.shelve',
    instance: 'guest',
    isOffloaded: true,
    shutdownTimeoutMs: 5000,
    keepsMemory: false,
    ...changes,
  };
}

export const OFFLOAD_REQUEST = { kind: 'instance.offload', instance: 'guest' } as const;

export function unshelveRequest(changes: Partial<UnshelveInstanceRequest> = {}): UnshelveInstanceRequest {
  return {
    kind: 'instance.unshelve',
    instance: 'guest',
    isStarted: true,
    networks: {},
    diskDir: null,
    isCold: false,
    isStealing: false,
    ...changes,
  };
}
