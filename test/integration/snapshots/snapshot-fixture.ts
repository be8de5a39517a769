import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { createHostFiles } from '../../../src/drivers/host/files.ts';
import { createDiskTool } from '../../../src/drivers/qemu-img/disk-tool.ts';
import { createDirectorySnapshots } from '../../../src/drivers/stores/directory/directory-snapshots.ts';
import { createDirectoryStore } from '../../../src/drivers/stores/directory/directory-store.ts';
import { DarkroomError } from '../../../src/model/errors.ts';
import type { DiskKey, KeySource } from '../../../src/model/ports/key-source.ts';
import type { SnapshotRecord } from '../../../src/model/snapshot/snapshot.ts';
import { volumeId } from '../../../src/operations/steps/volume-id.ts';
import type { Core, HostSettings } from '../../../src/operations/support/context.ts';
import { createFakeHypervisor, type FakeDomain, type FakeHypervisor } from '../../support/fake-hypervisor.ts';
import { createImageCore } from '../../support/image-core.ts';
import { isChange, type Mishap, type PortCall } from '../../support/mishaps.ts';
import { sampleSnapshot } from '../../support/sample-snapshots.ts';
import { createSealedDisk } from '../../support/sealed-disk.ts';

export const GUEST = '22222222-2222-4222-8222-222222222222';
export const KIB = 1024;
export const MIB = 1024 ** 2;
export const DISK_BYTES = 4 * MIB;

export interface Write {
  readonly pattern: number;
  readonly offset: number;
  readonly length: number;
}

export type SnapshotFixture = ReturnType<typeof createSnapshotFixture>;

/** A host with a fake libvirt and everything else real: a store of snapshots, a folder of disks, one machine that is off. */
export function createSnapshotFixture(parent = '/var/tmp') {
  const root = mkdtempSync(path.join(parent, 'dr-sr-'));
  // QEMU's user must be able to pass
  chmodSync(root, 0o755);
  const location = path.join(root, 'store');
  const disks = path.join(root, 'disks');
  const instancesDir = path.join(root, 'instances');
  mkdirSync(disks);
  const snapshots = createDirectorySnapshots({ location, imageGroup: '0' });
  const store = createDirectoryStore({ location, imageGroup: '0' });
  const hypervisor = createFakeHypervisor();
  const fixed = { snapshots, store, hypervisor, files: createHostFiles(), diskTool: createDiskTool() };
  return {
    ...fixed,
    root,
    instancesDir,
    disk: (name: string): string => path.join(disks, name),
    listDisks: (): readonly string[] => readdirSync(disks).sort(),
    core: (parts: Partial<Omit<Core, 'settings'>> = {}, settings: Partial<HostSettings> = {}): Core =>
      createImageCore({ ...fixed, keys: NO_KEY, ...parts }, { instancesDir, ...settings }),
    dispose: (): void => rmSync(root, { recursive: true, force: true }),
  };
}

/** A key source with a key, or without any. */
export function fixedKey(text: string | null): KeySource {
  const key: DiskKey = { reveal: () => text ?? '' };
  return {
    isConfigured: text !== null,
    read: async () => {
      if (text === null) throw new DarkroomError('ENCRYPTION_KEY_MISSING', 'no key is configured');
      return key;
    },
  };
}

const NO_KEY = fixedKey(null);

const SECRET = 'correct horse battery staple';
export const SECRET_KEY = fixedKey(SECRET);

interface SnapshotFacts {
  readonly target?: string;
  /** In whole clusters. */
  readonly writes?: readonly Write[];
  readonly domainXml?: string | null;
  readonly record?: Partial<SnapshotRecord>;
}

/** A snapshot in the store, over another or alone, that holds what was written since. */
export async function putSnapshot(
  fixture: Pick<SnapshotFixture, 'snapshots' | 'diskTool'>,
  letter: string,
  facts: SnapshotFacts = {},
): Promise<SnapshotRecord> {
  const { target = 'vda', writes = [], record = {}, domainXml = null } = facts;
  const volume = volumeId(GUEST, target);
  const sample = sampleSnapshot(letter, { instance: GUEST, target, volume, logicalBytes: DISK_BYTES, ...record });
  await fixture.snapshots.assertWritable(sample.volume);
  const draft = fixture.snapshots.draft(sample, 'test');
  await writeLayer(fixture, draft.path, { snapshot: sample, writes });
  const lengths = await draft.seal();
  await draft.moveIn();
  const whole = { ...sample, ...lengths };
  await fixture.snapshots.publish(whole, domainXml);
  return whole;
}

/** The same under SECRET_KEY, as is all that it stands on. */
export function putEncrypted(fixture: Parameters<typeof putSnapshot>[0], letter: string, facts: SnapshotFacts) {
  return putSnapshot(fixture, letter, { ...facts, record: { ...facts.record, isEncrypted: true } });
}

async function writeLayer(
  { diskTool, snapshots }: Parameters<typeof putSnapshot>[0],
  file: string,
  { snapshot, writes }: { readonly snapshot: SnapshotRecord; readonly writes: readonly Write[] },
): Promise<void> {
  if (snapshot.isEncrypted) createSealedDisk(file, { key: SECRET, bytes: snapshot.logicalBytes });
  else run('qemu-img', 'create', '-q', '-f', 'qcow2', file, String(snapshot.logicalBytes));
  const sealed = ['--object', `secret,id=k,data=${SECRET}`, '--image-opts'];
  const layer = `driver=qcow2,file.driver=file,file.filename=${file},encrypt.key-secret=k`;
  for (const { pattern, offset, length } of writes) {
    const place = snapshot.isEncrypted ? [...sealed, layer] : ['-f', 'qcow2', file];
    run('qemu-io', '-c', `write -q -P ${pattern} ${offset} ${length}`, ...place);
  }
  if (snapshot.parent === null) return;
  const below = snapshots.filePath({ id: snapshot.parent, volume: snapshot.volume });
  const disk = { format: 'qcow2', ...(snapshot.isEncrypted ? { key: await SECRET_KEY.read() } : {}) } as const;
  const chain = { backing: { ...disk, path: below }, isUnsafe: true, backingName: path.basename(below) };
  await diskTool.rebase({ ...disk, path: file }, chain);
}

/** Everything that can go wrong in a run of these calls: all may fail, and those that change something may be the last of a process. */
export function listTrips(calls: readonly PortCall[], late: readonly Mishap[]) {
  return calls.flatMap((call, at) => {
    const mishaps: readonly Mishap[] = isChange(call) ? ['fails', ...late] : ['fails'];
    return mishaps.map((mishap) => ({ at, mishap, what: `${mishap}: ${call.port}.${call.method} (call ${at})` }));
  });
}

/** A disk that a guest could have written. */
export function writeDisk(file: string, format: 'qcow2' | 'raw', writes: readonly Write[], backing?: string): string {
  const chain = backing === undefined ? [] : ['-b', backing, '-F', 'qcow2'];
  run('qemu-img', 'create', '-q', '-f', format, ...chain, file, ...(backing === undefined ? [String(DISK_BYTES)] : []));
  writeTo(file, format, writes);
  return file;
}

export function writeTo(file: string, format: string, writes: readonly Write[]): void {
  for (const { pattern, offset, length } of writes)
    run('qemu-io', '-f', format, '-c', `write -q -P ${pattern} ${offset} ${length}`, file);
}

/** What these writes make of an empty disk. */
export function contentOf(...writes: readonly Write[]): Buffer {
  const content = Buffer.alloc(DISK_BYTES);
  for (const { pattern, offset, length } of writes) content.fill(pattern, offset, offset + length);
  return content;
}

export function readDisk(file: string, format: string): Buffer {
  const raw = `/var/tmp/dr-sr-read-${process.pid}.raw`;
  run('qemu-img', 'convert', '-f', format, '-O', 'raw', file, raw);
  try {
    return readFileSync(raw);
  } finally {
    rmSync(raw);
  }
}

export function infoOf(file: string): {
  readonly 'backing-filename'?: string;
  readonly 'format-specific'?: { readonly data: { readonly bitmaps?: readonly { readonly name: string }[] } };
} {
  return JSON.parse(run('qemu-img', 'info', '--output=json', '-f', 'qcow2', file));
}

export function run(file: string, ...args: readonly string[]): string {
  return execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

export interface MachineDisk {
  readonly target: string;
  readonly path: string;
  readonly format?: string;
  readonly type?: 'file' | 'block';
  /** Children of the disk's element. */
  readonly extra?: string;
}

export function machine(disks: readonly MachineDisk[], devices = '', os = ''): string {
  const elements = disks.map(
    ({ target, path: file, format = 'qcow2', type = 'file', extra = '' }) =>
      `<disk type='${type}' device='disk'><driver name='qemu' type='${format}'/>` +
      `<source ${type === 'file' ? 'file' : 'dev'}='${file}'/><target dev='${target}' bus='virtio'/>${extra}</disk>`,
  );
  return (
    `<domain type='qemu'><name>web</name><uuid>${GUEST}</uuid><memory unit='MiB'>64</memory><vcpu>1</vcpu>` +
    `<os><type arch='x86_64' machine='q35'>hvm</type>${os}</os><devices>${elements.join('')}${devices}</devices></domain>`
  );
}

export function putMachine(
  { hypervisor }: { readonly hypervisor: FakeHypervisor },
  disks: readonly MachineDisk[],
  state: Partial<Omit<FakeDomain, 'blockJobs'>> = {},
): FakeDomain {
  return hypervisor.put(machine(disks), state);
}
