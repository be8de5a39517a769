import path from 'node:path';
import { mapConcurrently } from '../../../../lib/async.ts';
import { readDiskPaths } from '../../../../model/domain-xml/disk-sources.ts';
import { isInside } from '../../../../model/domain-xml/host-paths.ts';
import { hasCode } from '../../../../model/errors.ts';
import type { TransferOptions } from '../../../../model/ports/image-store.ts';
import type { SnapshotRecord } from '../../../../model/snapshot/snapshot.ts';
import type { Core } from '../../../support/context.ts';
import { volumesFolder } from './volume-path.ts';

/** A disk that stands on a snapshot of a store elsewhere, of whose chain something is no longer on this host. */
export interface MissingLayer {
  /** The disk. */
  readonly disk: string;
  /** The highest snapshot below it. */
  readonly snapshot: Pick<SnapshotRecord, 'id' | 'volume'>;
  /** The first file that is gone: the snapshot's, or one that it stands on. */
  readonly path: string;
}

/** QEMU opens longer chains, and nobody makes them. */
const MAX_LAYERS = 200;
const AT_ONCE = 4;

/** Only files of this host are looked at. Nothing where the store's own files are what disks stand on: those nobody can bring back. */
export async function findMissingLayers(core: Core, disks: Iterable<string>): Promise<readonly MissingLayer[]> {
  if (core.store.keepsFilesHere) return [];
  const found = await mapConcurrently([...new Set(disks)], AT_ONCE, (disk) => findMissingLayer(core, disk));
  return found.filter((layer) => layer !== null);
}

/** Disks that domains of this host have, and volumes among its own. */
export async function listLocalDisks(core: Core): Promise<readonly string[]> {
  const folder = volumesFolder(core);
  const volumes = (await core.files.list(folder)).map((name) => path.join(folder, name));
  const domains = await core.hypervisor.listDomains();
  const ofDomains = await mapConcurrently(domains, AT_ONCE, ({ uuid }) => readDisks(core, uuid));
  return [...volumes, ...ofDomains.flat()];
}

/** Volumes of this host that are on record as standing on a snapshot, wherever they lie. STORE_UNUSABLE. */
export async function listRecordedVolumes({ snapshots, hostName }: Core): Promise<readonly string[]> {
  const { snapshots: records } = await snapshots.list();
  return records.flatMap(({ users }) => users.filter(({ host }) => host === hostName).map((user) => user.path));
}

/** Fetches what is missing, checked, to where it was, where it stays as long as the snapshot's record has a volume of this host. */
export async function bringLayers(
  core: Core,
  { snapshot }: MissingLayer,
  options: TransferOptions = {},
): Promise<void> {
  await core.snapshots.resolveFile(snapshot, { ...options, isKept: true });
}

/** Of a domain that is there no more: none. */
export async function readDisks({ hypervisor }: Core, uuid: string): Promise<readonly string[]> {
  try {
    return [...readDiskPaths(await hypervisor.getDomainXml(uuid)).values()];
  } catch (error) {
    if (hasCode(error, 'INSTANCE_NOT_FOUND')) return [];
    throw error;
  }
}

async function findMissingLayer(core: Core, disk: string): Promise<MissingLayer | null> {
  let snapshot: MissingLayer['snapshot'] | null = null;
  let file = disk;
  for (let layers = 0; layers < MAX_LAYERS; layers += 1) {
    const kind = (await core.files.stat(file))?.kind ?? null;
    if (kind === null) return snapshot === null ? null : { disk, snapshot, path: file };
    const below = kind === 'file' ? await readBacking(core, file) : null;
    if (below === null) return null;
    snapshot ??= parseSnapshotFile(core, below);
    file = below;
  }
  return null;
}

/** null also for what is no qcow2. */
async function readBacking({ diskTool }: Core, file: string): Promise<string | null> {
  try {
    return (await diskTool.info({ path: file, format: 'qcow2' })).backing?.path ?? null;
  } catch (error) {
    if (hasCode(error, 'QEMU_IMG_FAILED', 'DISK_MISSING')) return null;
    throw error;
  }
}

/** Whose file it is; null for any other. */
function parseSnapshotFile({ snapshots }: Core, file: string): MissingLayer['snapshot'] | null {
  if (!isInside(file, snapshots.rootPath)) return null;
  const key = { id: path.parse(file).name, volume: path.basename(path.dirname(file)) };
  try {
    return snapshots.filePath(key) === file ? key : null;
  } catch (error) {
    if (hasCode(error, 'SNAPSHOT_NOT_FOUND')) return null;
    throw error;
  }
}
