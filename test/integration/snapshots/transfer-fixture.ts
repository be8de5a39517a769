import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { createArchives } from '../../../src/drivers/host/archive.ts';
import { createClock } from '../../../src/drivers/host/clock.ts';
import { createHostFiles } from '../../../src/drivers/host/files.ts';
import { createMounts } from '../../../src/drivers/host/mounts.ts';
import { createProcesses } from '../../../src/drivers/host/processes.ts';
import { createDiskTool } from '../../../src/drivers/qemu-img/disk-tool.ts';
import { createDirectorySnapshots } from '../../../src/drivers/stores/directory/directory-snapshots.ts';
import { DarkroomError } from '../../../src/model/errors.ts';
import type { JournalledOperation, Operation } from '../../../src/model/operation.ts';
import type { KeySource } from '../../../src/model/ports/key-source.ts';
import type { SnapshotStore } from '../../../src/model/ports/snapshot-store.ts';
import type { SnapshotRecord } from '../../../src/model/snapshot/snapshot.ts';
import { volumeId } from '../../../src/operations/steps/volume-id.ts';
import type { Core, HostSettings } from '../../../src/operations/support/context.ts';
import { createFakeHypervisor } from '../../support/fake-hypervisor.ts';
import { createFakeStores } from '../../support/fake-stores.ts';
import { createImageCore } from '../../support/image-core.ts';
import { sampleSnapshot } from '../../support/sample-snapshots.ts';
import { createSealedDisk } from '../../support/sealed-disk.ts';

export const INSTANCE = '22222222-2222-4222-8222-222222222222';
export const VOLUME = volumeId(INSTANCE, 'vda');
export const MIB = 1024 ** 2;
export const DISK_BYTES = 8 * MIB;
const KEY = 'correct horse battery staple';

export type ChainFixture = ReturnType<typeof createChainFixture>;

/** A host whose libvirt is fake and everything else real, with two stores. */
export function createChainFixture(parent = '/var/tmp') {
  const root = mkdtempSync(path.join(parent, 'dr-ch-'));
  const open = (location: string): SnapshotStore => createDirectorySnapshots({ location, imageGroup: '0' });
  const files = path.join(root, 'files');
  const other = path.join(root, 'other');
  for (const folder of [files, other]) mkdirSync(folder);
  const real = {
    snapshots: open(path.join(root, 'store')),
    stores: createFakeStores({
      default: { snapshots: open(path.join(root, 'store')) },
      [other]: { snapshots: open(other) },
    }),
    hypervisor: createFakeHypervisor(),
    files: createHostFiles(),
    archives: createArchives(),
    mounts: createMounts(),
    processes: createProcesses(),
    clock: createClock(),
    diskTool: createDiskTool(),
    keys: keySource(KEY),
  };
  return {
    ...real,
    root,
    /** For exports. */
    folder: files,
    /** Folder of another store. */
    other,
    otherStore: open(other),
    stateDir: path.join(root, 'state'),
    path: (name: string): string => path.join(files, name),
    core: (parts: Partial<Omit<Core, 'settings'>> = {}, settings: Partial<HostSettings> = {}): Core =>
      createImageCore({ ...real, ...parts }, { stateDir: path.join(root, 'state'), ...settings }),
    dispose: (): void => rmSync(root, { recursive: true, force: true }),
  };
}

/** null: none is configured. */
export function keySource(key: string | null): KeySource {
  return {
    isConfigured: key !== null,
    read: async () => {
      if (key === null) throw new DarkroomError('ENCRYPTION_KEY_MISSING', 'no key is configured');
      return { reveal: () => key };
    },
  };
}

/** A snapshot in a store, over its parent or alone, in which 64 KiB at each of those MiB hold that byte. */
export async function putSnapshot(
  store: SnapshotStore,
  letter: string,
  facts: {
    readonly writes?: Readonly<Record<number, number>>;
    readonly domainXml?: string | null;
    readonly record?: Partial<SnapshotRecord>;
  } = {},
): Promise<SnapshotRecord> {
  const at = `2025-01-${String(Number.parseInt(letter, 16)).padStart(2, '0')}T00:00:00.000Z`;
  const place = { instance: INSTANCE, volume: VOLUME, logicalBytes: DISK_BYTES, createdAt: at, headAt: at };
  const snapshot = sampleSnapshot(letter, { ...place, ...facts.record });
  await store.assertWritable(snapshot.volume);
  const draft = store.draft(snapshot, 'test');
  const backing = snapshot.parent === null ? undefined : `${snapshot.parent}.qcow2`;
  createDisk(draft.path, { backing, isEncrypted: snapshot.isEncrypted, bytes: snapshot.logicalBytes });
  for (const [mib, byte] of Object.entries(facts.writes ?? {})) {
    writeBlock(draft.path, { offset: Number(mib) * MIB, byte, isEncrypted: snapshot.isEncrypted });
  }
  const sha256 = createHash('sha256').update(readFileSync(draft.path)).digest('hex');
  const whole = { ...snapshot, ...(await draft.seal()), sha256 };
  await draft.moveIn();
  await store.publish(whole, facts.domainXml ?? null);
  return whole;
}

function createDisk(
  file: string,
  disk: { readonly backing: string | undefined; readonly isEncrypted: boolean; readonly bytes: number },
): void {
  const { backing, bytes, isEncrypted } = disk;
  if (isEncrypted) {
    createSealedDisk(file, { key: KEY, bytes, ...(backing === undefined ? {} : { backing }) });
    return;
  }
  const below = backing === undefined ? [] : ['-u', '-b', backing, '-F', 'qcow2'];
  run('qemu-img', 'create', '-q', '-f', 'qcow2', ...below, file, String(bytes));
}

/** Whole clusters, so that nothing is read from below. */
export function writeBlock(
  file: string,
  { offset, byte, isEncrypted }: { readonly offset: number; readonly byte: number; readonly isEncrypted: boolean },
): void {
  const layer = { driver: 'qcow2', file: { driver: 'file', filename: file }, backing: null };
  const encrypt = { encrypt: { format: 'luks', 'key-secret': 'k' } };
  const secret = isEncrypted ? ['--object', `secret,id=k,data=${KEY}`] : [];
  const spec = `json:${JSON.stringify({ ...layer, ...(isEncrypted ? encrypt : {}) })}`;
  run('qemu-io', ...secret, '-c', `write -q -P ${byte} ${offset} 64k`, spec);
}

/** Three snapshots, each of which stands on the one before; with the definition of the machine. */
export async function putChain(
  store: SnapshotStore,
  record: Partial<SnapshotRecord> = {},
): Promise<readonly [SnapshotRecord, SnapshotRecord, SnapshotRecord]> {
  const domainXml = MACHINE;
  const a = await putSnapshot(store, 'a', { writes: { 0: 1, 1: 1, 2: 1 }, domainXml, record });
  const b = await putSnapshot(store, 'b', { writes: { 1: 2, 3: 2 }, domainXml, record: { ...record, parent: a.id } });
  const c = await putSnapshot(store, 'c', { writes: { 2: 3, 4: 3 }, domainXml, record: { ...record, parent: b.id } });
  return [a, b, c];
}

export const MACHINE =
  `<domain type='qemu'><name>web</name><uuid>${INSTANCE}</uuid><memory unit='MiB'>64</memory><vcpu>1</vcpu>` +
  "<os><type arch='x86_64' machine='q35'>hvm</type></os><devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/>" +
  "<source file='/nowhere/disk'/><target dev='vda' bus='virtio'/></disk></devices></domain>";

/** What a chain of `putChain` holds, at its top. */
export const TOP: Readonly<Record<number, number>> = { 0: 1, 1: 2, 2: 3, 3: 2, 4: 3 };

export function contentOf(blocks: Readonly<Record<number, number>>): Buffer {
  const content = Buffer.alloc(DISK_BYTES);
  for (const [mib, byte] of Object.entries(blocks)) {
    content.fill(byte, Number(mib) * MIB, Number(mib) * MIB + 64 * 1024);
  }
  return content;
}

/** What a restore would read. */
export function readSnapshot(store: SnapshotStore, snapshot: Pick<SnapshotRecord, 'id' | 'volume'>): Buffer {
  const raw = path.join('/var/tmp', `dr-ch-read-${process.pid}.raw`);
  run('qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', store.filePath(snapshot), raw);
  try {
    return readFileSync(raw);
  } finally {
    rmSync(raw);
  }
}

/** Everything below a folder. */
export function listTree(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort() : [];
}

export function unfinished(core: Core, operation: Operation, plan: unknown): JournalledOperation {
  return { operation, owner: core.processes.self, isCancelRequested: false, revision: 1, plan };
}

export function run(file: string, ...args: readonly string[]): string {
  return execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
