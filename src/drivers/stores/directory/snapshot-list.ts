import { lstat, readdir } from 'node:fs/promises';
import { mapConcurrently } from '../../../lib/async.ts';
import type { SnapshotRecord } from '../../../model/snapshot/snapshot.ts';
import { isUuid } from '../documents/layout.ts';
import {
  parseRecordName,
  type SnapshotKey,
  snapshotDamaged,
  snapshotNotFound,
  snapshotRecordPath,
  snapshotsFolder,
  volumeFolder,
} from '../documents/snapshot-layout.ts';
import {
  brokenSnapshot,
  listReadings,
  pickReading,
  type SnapshotListing,
  type SnapshotReading,
} from '../documents/snapshot-readings.ts';
import { MAX_SNAPSHOT_RECORD_BYTES, parseSnapshotRecord } from '../documents/snapshot-record.ts';
import { isUnfitFile, readReplaceableFile } from '../files/durable-files.ts';
import { listFolderNames } from '../files/list-names.ts';
import { errnoOf, explainUnreadable, withStoreErrors } from '../files/store-errors.ts';

const CONCURRENT_READS = 16;

/** Oldest first, of one volume or of all; a record that is broken is reported beside the others. STORE_UNUSABLE. */
export async function listSnapshots(root: string, filter: { readonly volume?: string } = {}): Promise<SnapshotListing> {
  const volumes = filter.volume === undefined ? await listVolumes(root) : [filter.volume].filter(isUuid);
  const keys = (await mapConcurrently(volumes, CONCURRENT_READS, (volume) => listKeys(root, volume))).flat();
  return listReadings(await readAll(root, keys));
}

/** By its id alone. SNAPSHOT_NOT_FOUND, SNAPSHOT_DAMAGED; STORE_UNUSABLE where reading fails. */
export async function readSnapshot(root: string, id: string): Promise<SnapshotRecord> {
  if (!isUuid(id)) throw snapshotNotFound(id);
  const keys = (await listVolumes(root)).map((volume) => ({ id, volume }));
  return pickReading(await readAll(root, keys), id);
}

/** null without a record; SNAPSHOT_DAMAGED with one that cannot be used, STORE_UNUSABLE where reading fails. */
async function readSnapshotRecord(root: string, key: SnapshotKey): Promise<SnapshotRecord | null> {
  const file = snapshotRecordPath(root, key);
  return await withStoreErrors({ code: 'STORE_UNUSABLE', action: 'read', path: file }, async () => {
    try {
      return parseSnapshotRecord(await readReplaceableFile(file, MAX_SNAPSHOT_RECORD_BYTES), key);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return null;
      throw isUnfitFile(error) ? snapshotDamaged(key.id, explainUnreadable('record', error)) : error;
    }
  });
}

async function listVolumes(root: string): Promise<readonly string[]> {
  const folder = snapshotsFolder(root);
  return await withStoreErrors({ code: 'STORE_UNUSABLE', action: 'read', path: folder }, async () =>
    (await listFolderNames(folder)).filter(isUuid),
  );
}

async function listKeys(root: string, volume: string): Promise<readonly SnapshotKey[]> {
  const folder = volumeFolder(root, volume);
  return await withStoreErrors({ code: 'STORE_UNUSABLE', action: 'read', path: folder }, async () => {
    try {
      if (!(await lstat(folder)).isDirectory()) return [];
      const ids = (await readdir(folder)).map(parseRecordName);
      return ids.flatMap((id) => (id === null ? [] : [{ id, volume }]));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw error;
    }
  });
}

async function readAll(root: string, keys: readonly SnapshotKey[]): Promise<readonly SnapshotReading[]> {
  const readings = await mapConcurrently(keys, CONCURRENT_READS, (key) => readOrExplain(root, key));
  return readings.filter((reading) => reading !== null);
}

async function readOrExplain(root: string, key: SnapshotKey): Promise<SnapshotReading | null> {
  try {
    const snapshot = await readSnapshotRecord(root, key);
    return snapshot === null ? null : { snapshot };
  } catch (error) {
    return brokenSnapshot(key, { cause: error, otherwise: explainUnreadable('record', error) });
  }
}
