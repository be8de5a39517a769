import { unlink } from 'node:fs/promises';
import { mapConcurrently } from '../../../lib/async.ts';
import type { ShelvedInstance } from '../../../model/shelved-instance.ts';
import { FOLDER_MODE, instancesFolder, PRIVATE_FOLDER_MODE, recordPath } from '../documents/layout.ts';
import {
  brokenShelfRecord,
  listShelfReadings,
  type ShelfListing,
  type ShelfReading,
} from '../documents/shelf-readings.ts';
import { MAX_RECORD_BYTES, parseShelfRecord, serialiseShelfRecord, shelfDamaged } from '../documents/shelf-record.ts';
import {
  isUnfitFile,
  makeFolder,
  makeFolders,
  readReplaceableFile,
  replaceFile,
  syncFolder,
} from '../files/durable-files.ts';
import { SECRET_FILE_MODE } from '../files/file-modes.ts';
import { errnoOf, explainUnreadable, withStoreErrors } from '../files/store-errors.ts';
import { listRecordIds } from './list-record-ids.ts';

const CONCURRENT_READS = 16;

/** Every record by its instance's name; one that is broken is reported beside the others. STORE_UNUSABLE. */
export async function listShelved(root: string): Promise<ShelfListing> {
  const readings = await mapConcurrently(await listIds(root), CONCURRENT_READS, (id) => readOrExplain(root, id));
  return listShelfReadings(readings.filter((reading) => reading !== null));
}

/** null without a record; SHELF_DAMAGED with one that cannot be used, STORE_UNUSABLE where reading fails. */
export async function readShelved(root: string, instanceId: string): Promise<ShelvedInstance | null> {
  const file = recordPath(root, instanceId);
  return await withStoreErrors({ code: 'STORE_UNUSABLE', action: 'read', path: file }, async () => {
    try {
      return parseShelfRecord(await readReplaceableFile(file, MAX_RECORD_BYTES), instanceId);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return null;
      throw isUnfitFile(error) ? shelfDamaged(instanceId, explainUnreadable('record', error)) : error;
    }
  });
}

/** Replaces the record durably, mode 0600. INTERNAL for one that we would not read back; STORE_WRITE_FAILED, NO_SPACE. */
export async function writeShelved(root: string, instance: ShelvedInstance): Promise<void> {
  const target = recordPath(root, instance.id);
  const content = serialiseShelfRecord(instance);
  await withStoreErrors({ code: 'STORE_WRITE_FAILED', action: 'write', path: target }, async () => {
    await makeInstancesFolder(root);
    await replaceFile(target, content, { mode: SECRET_FILE_MODE, owner: null });
  });
}

/** Durably; no error when there is none. STORE_WRITE_FAILED. */
export async function removeShelved(root: string, instanceId: string): Promise<void> {
  const target = recordPath(root, instanceId);
  await withStoreErrors({ code: 'STORE_WRITE_FAILED', action: 'remove', path: target }, async () => {
    try {
      await unlink(target);
      await syncFolder(instancesFolder(root));
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  });
}

/** The store's own folder is passable, for QEMU's user; what is shelved concerns nobody. */
export async function makeInstancesFolder(root: string): Promise<void> {
  await makeFolders(root, FOLDER_MODE);
  if (await makeFolder(instancesFolder(root), PRIVATE_FOLDER_MODE)) await syncFolder(root);
}

async function listIds(root: string): Promise<readonly string[]> {
  const folder = instancesFolder(root);
  return await withStoreErrors({ code: 'STORE_UNUSABLE', action: 'read', path: folder }, () => listRecordIds(folder));
}

async function readOrExplain(root: string, id: string): Promise<ShelfReading | null> {
  try {
    const instance = await readShelved(root, id);
    return instance === null ? null : { instance };
  } catch (error) {
    return brokenShelfRecord(id, { cause: error, otherwise: explainUnreadable('record', error) });
  }
}
