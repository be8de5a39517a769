import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { createHostFiles } from '../../../src/drivers/host/files.ts';
import { createDiskTool } from '../../../src/drivers/qemu-img/disk-tool.ts';
import { createDirectorySnapshots } from '../../../src/drivers/stores/directory/directory-snapshots.ts';
import type { DiskKey, KeySource } from '../../../src/model/ports/key-source.ts';
import type { SnapshotRecord } from '../../../src/model/snapshot/snapshot.ts';
import type { Core, HostSettings } from '../../../src/operations/support/context.ts';
import { createImageCore } from '../../support/image-core.ts';
import { SAMPLE_VOLUME, sampleSnapshot } from '../../support/sample-snapshots.ts';
import { createSealedDisk } from '../../support/sealed-disk.ts';

export const MIB = 1024 ** 2;
const KEY = 'a key of sixteen characters or more';

/** What a guest writes between two snapshots. `pattern` 0 writes zeroes that take no space. */
export interface Write {
  readonly pattern: number;
  readonly offset: number;
  readonly length: number;
}

export interface SnapshotSpec {
  /** One hexadecimal digit. */
  readonly letter: string;
  readonly parent?: string;
  readonly writes: readonly Write[];
  readonly facts?: Partial<SnapshotRecord>;
}

export type ChainFixture = ReturnType<typeof createChainFixture>;

type OpenSnapshots = (location: string) => Core['snapshots'];

const openDirectory: OpenSnapshots = (location) => createDirectorySnapshots({ location, imageGroup: '0' });

/**
 * A store with snapshots of one volume, each with a raw copy of what it holds, made when it was taken. One that is elsewhere has its
 * files of this host where a folder has its own.
 */
export function createChainFixture(parent = '/var/tmp', open = openDirectory) {
  const root = mkdtempSync(path.join(parent, 'dr-h6-'));
  const location = path.join(root, 'store');
  const folder = path.join(location, 'snapshots', SAMPLE_VOLUME);
  const snapshots = open(location);
  const files = createHostFiles();
  const diskTool = createDiskTool();
  const keys = fixedKey();
  const idOf = (letter: string): string => sampleSnapshot(letter).id;
  const reference = (letter: string): string => path.join(root, `${letter}.raw`);

  const take = async ({ letter, parent: below, writes, facts = {} }: SnapshotSpec): Promise<SnapshotRecord> => {
    const shape = sampleSnapshot(letter, {
      logicalBytes: 64 * MIB,
      ...facts,
      parent: below === undefined ? null : idOf(below),
    });
    await snapshots.assertWritable(shape.volume);
    const draft = snapshots.draft(shape, 'made');
    const disk = {
      path: draft.path,
      format: 'qcow2' as const,
      ...(shape.isEncrypted ? { key: await keys.read() } : {}),
    };
    const backing =
      below === undefined ? {} : { backing: { ...disk, path: path.join(folder, `${idOf(below)}.qcow2`) } };
    if (shape.isEncrypted) createSealedDisk(draft.path, { key: KEY, bytes: shape.logicalBytes });
    else await diskTool.create({ ...disk, virtualSizeBytes: shape.logicalBytes, ...backing });
    if (backing.backing !== undefined) {
      const backingName = path.basename(backing.backing.path);
      await diskTool.rebase(disk, { backing: backing.backing, isUnsafe: true, backingName });
    }
    writeTo(disk, writes);
    const raw = { path: reference(letter), format: 'raw' as const };
    await diskTool.convert({ source: disk, target: raw });
    const lengths = await draft.seal();
    await draft.moveIn();
    const sha256 = sha256Of(path.join(folder, `${shape.id}.qcow2`));
    const record = { ...shape, ...lengths, sha256 };
    await snapshots.publish(record, null);
    return record;
  };

  return {
    root,
    folder,
    snapshots,
    keys,
    idOf,
    take,
    path: (name: string): string => path.join(root, name),
    fileOf: (letter: string): string => path.join(folder, `${idOf(letter)}.qcow2`),
    core: (parts: Partial<Omit<Core, 'settings'>> = {}, settings: Partial<HostSettings> = {}): Core =>
      createImageCore({ snapshots, keys, files, diskTool, ...parts }, { maxChain: 8, stateDir: root, ...settings }),
    record: (letter: string): Promise<SnapshotRecord> => snapshots.read(idOf(letter)),
    letters: async (): Promise<readonly string[]> =>
      (await snapshots.list()).snapshots.map(({ id }) => id.slice(0, 1)).sort(),
    /** Letters of the snapshots whose files do not hold what they held. */
    changed: async (letters: readonly string[]): Promise<readonly string[]> => {
      const changed: string[] = [];
      for (const letter of letters) {
        const { isEncrypted } = sampleSnapshot(letter, await recordFacts(snapshots, idOf(letter)));
        const disk = { path: path.join(folder, `${idOf(letter)}.qcow2`), format: 'qcow2' as const };
        const opened = isEncrypted ? { ...disk, key: await keys.read() } : disk;
        const isSame = await diskTool.compare(opened, { path: reference(letter), format: 'raw' }).catch(() => false);
        if (!isSame) changed.push(letter);
      }
      return changed;
    },
    /** What lies in the volume's folder and is of no record, and records that do not say what their files are. */
    leftovers: async (): Promise<readonly string[]> => {
      const { snapshots: records, broken } = await snapshots.list();
      const known = new Set(records.flatMap(({ id }) => [`${id}.json`, `${id}.qcow2`]));
      const wrong = records.filter(
        ({ id, sha256, pending }) => pending !== null || sha256Of(path.join(folder, `${id}.qcow2`)) !== sha256,
      );
      return [
        ...readdirSync(folder).filter((name) => !known.has(name)),
        ...wrong.map(({ id }) => `wrong ${id}`),
        ...broken.map(({ id }) => `broken ${id}`),
      ];
    },
    dispose: (): void => rmSync(root, { recursive: true, force: true }),
  };

  function writeTo(disk: { readonly path: string; readonly key?: DiskKey }, writes: readonly Write[]): void {
    const commands = writes.flatMap(({ pattern, offset, length }) => [
      '-c',
      pattern === 0 ? `write -z -u ${offset} ${length}` : `write -P ${pattern} ${offset} ${length}`,
    ]);
    if (commands.length === 0) return;
    const secret = disk.key === undefined ? [] : ['--object', `secret,id=k,data=${disk.key.reveal()}`];
    const layer = { driver: 'qcow2', file: { driver: 'file', filename: disk.path } };
    const spec =
      disk.key === undefined ? layer : { ...layer, encrypt: { format: 'luks', 'key-secret': 'k' }, backing: null };
    const name = disk.key === undefined ? disk.path : `json:${JSON.stringify(spec)}`;
    const format = disk.key === undefined ? ['-f', 'qcow2'] : [];
    execFileSync('qemu-io', [...secret, ...format, ...commands, name], { stdio: 'ignore' });
  }
}

async function recordFacts(store: Core['snapshots'], id: string): Promise<Partial<SnapshotRecord>> {
  return await store.read(id).catch(() => ({}));
}

function fixedKey(): KeySource {
  return { isConfigured: true, read: async () => ({ reveal: () => KEY }) };
}

export function qemuImg(...args: readonly string[]): string {
  return execFileSync('qemu-img', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

export function sha256Of(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
