import { lstat, readdir } from 'node:fs/promises';
import { mapConcurrently } from '../../../lib/async.ts';
import { hasCode } from '../../../model/errors.ts';
import type { BrokenSnapshot } from '../../../model/ports/snapshot-store.ts';
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
import { compareById, compareByTime } from '../documents/snapshot-order.ts';
import { MAX_SNAPSHOT_RECORD_BYTES, parseSnapshotRecord } from '../documents/snapshot-record.ts';
import { isUnfitFile, readReplaceableFile } from '../files/durable-files.ts';
import { errnoOf, withStoreErrors } from '../files/store-errors.ts';

const CONCURRENT_READS = 16;

type Reading = { readonly snapshot: SnapshotRecord } | { readonly broken: BrokenSnapshot; readonly cause: unknown };

/** Oldest first, of one volume or of all; a record that is broken is reported beside the others. STORE_UNUSABLE. */
export async function listSnapshots(
  root: string,
  filter: { readonly volume?: string } = {},
): Promise<{ readonly snapshots: readonly SnapshotRecord[]; readonly broken: readonly BrokenSnapshot[] }> {
  const volumes = filter.volume === undefined ? await listVolumes(root) : [filter.volume].filter(isUuid);
  const keys = (await mapConcurrently(volumes, CONCURRENT_READS, (volume) => listKeys(root, volume))).flat();
  const readings = await readAll(root, keys);
  const snapshots = readings.flatMap((reading) => ('snapshot' in reading ? [reading.snapshot] : []));
  const broken = readings.flatMap((reading) => ('broken' in reading ? [reading.broken] : []));
  return { snapshots: snapshots.sort(compareByTime), broken: broken.sort(compareById) };
}

/** By its id alone. SNAPSHOT_NOT_FOUND, SNAPSHOT_DAMAGED; STORE_UNUSABLE where reading fails. */
export async function readSnapshot(root: string, id: string): Promise<SnapshotRecord> {
  if (!isUuid(id)) throw snapshotNotFound(id);
  const keys = (await listVolumes(root)).map((volume) => ({ id, volume }));
  const readings = await readAll(root, keys);
  // a copy that somebody put into another volume's folder does not hide it
  for (const reading of readings) if ('snapshot' in reading) return reading.snapshot;
  throw readings.map((reading) => ('cause' in reading ? reading.cause : null))[0] ?? snapshotNotFound(id);
}

/** null without a record; SNAPSHOT_DAMAGED with one that cannot be used, STORE_UNUSABLE where reading fails. */
export async function readSnapshotRecord(root: string, key: SnapshotKey): Promise<SnapshotRecord | null> {
  const file = snapshotRecordPath(root, key);
  return await withStoreErrors({ code: 'STORE_UNUSABLE', action: 'read', path: file }, async () => {
    try {
      return parseSnapshotRecord(await readReplaceableFile(file, MAX_SNAPSHOT_RECORD_BYTES), key);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return null;
      throw isUnfitFile(error) ? snapshotDamaged(key.id, explain(error)) : error;
    }
  });
}

async function listVolumes(root: string): Promise<readonly string[]> {
  const folder = snapshotsFolder(root);
  return await withStoreErrors({ code: 'STORE_UNUSABLE', action: 'read', path: folder }, async () => {
    try {
      const entries = await readdir(folder, { withFileTypes: true });
      return entries.filter((entry) => entry.isDirectory() && isUuid(entry.name)).map(({ name }) => name);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw error;
    }
  });
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

async function readAll(root: string, keys: readonly SnapshotKey[]): Promise<readonly Reading[]> {
  const readings = await mapConcurrently(keys, CONCURRENT_READS, (key) => readOrExplain(root, key));
  return readings.filter((reading) => reading !== null);
}

async function readOrExplain(root: string, key: SnapshotKey): Promise<Reading | null> {
  try {
    const snapshot = await readSnapshotRecord(root, key);
    return snapshot === null ? null : { snapshot };
  } catch (error) {
    const reason = hasCode(error, 'SNAPSHOT_DAMAGED') ? error.fields['reason'] : null;
    return { broken: { ...key, reason: typeof reason === 'string' ? reason : explain(error) }, cause: error };
  }
}

function explain(error: unknown): string {
  if (errnoOf(error) === 'ELOOP') return 'its record is a symbolic link';
  return `its record cannot be read: ${error instanceof Error ? error.message : String(error)}`;
}
