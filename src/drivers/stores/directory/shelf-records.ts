import { readdir, unlink } from 'node:fs/promises';
import { mapConcurrently } from '../../../lib/async.ts';
import { hasCode } from '../../../model/errors.ts';
import type { BrokenShelfRecord } from '../../../model/ports/shelf.ts';
import type { ShelvedInstance } from '../../../model/shelved-instance.ts';
import { FOLDER_MODE, instancesFolder, isUuid, PRIVATE_FOLDER_MODE, recordPath } from '../documents/layout.ts';
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
import { errnoOf, withStoreErrors } from '../files/store-errors.ts';

const CONCURRENT_READS = 16;
const SUFFIX = '.json';

type Reading = { readonly instance: ShelvedInstance } | { readonly broken: BrokenShelfRecord } | null;

/** Every record by its instance's name; one that is broken is reported beside the others. STORE_UNUSABLE. */
export async function listShelved(
  root: string,
): Promise<{ readonly instances: readonly ShelvedInstance[]; readonly broken: readonly BrokenShelfRecord[] }> {
  const readings = await mapConcurrently(await listIds(root), CONCURRENT_READS, (id) => readOrExplain(root, id));
  const instances: ShelvedInstance[] = [];
  const broken: BrokenShelfRecord[] = [];
  for (const reading of readings) {
    if (reading === null) continue;
    if ('instance' in reading) instances.push(reading.instance);
    else broken.push(reading.broken);
  }
  return { instances: instances.sort(compareByName), broken };
}

/** null without a record; SHELF_DAMAGED with one that cannot be used, STORE_UNUSABLE where reading fails. */
export async function readShelved(root: string, instanceId: string): Promise<ShelvedInstance | null> {
  const file = recordPath(root, instanceId);
  return await withStoreErrors({ code: 'STORE_UNUSABLE', action: 'read', path: file }, async () => {
    try {
      return parseShelfRecord(await readReplaceableFile(file, MAX_RECORD_BYTES), instanceId);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return null;
      throw isUnfitFile(error) ? shelfDamaged(instanceId, explain(error)) : error;
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
  return await withStoreErrors({ code: 'STORE_UNUSABLE', action: 'read', path: folder }, async () => {
    try {
      const names = (await readdir(folder)).filter((name) => name.endsWith(SUFFIX));
      return names
        .map((name) => name.slice(0, -SUFFIX.length))
        .filter(isUuid)
        .sort();
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw error;
    }
  });
}

async function readOrExplain(root: string, id: string): Promise<Reading> {
  try {
    const instance = await readShelved(root, id);
    return instance === null ? null : { instance };
  } catch (error) {
    const reason = hasCode(error, 'SHELF_DAMAGED') ? error.fields['reason'] : null;
    return { broken: { id, reason: typeof reason === 'string' ? reason : explain(error) } };
  }
}

function explain(error: unknown): string {
  if (errnoOf(error) === 'ELOOP') return 'its record is a symbolic link';
  return `its record cannot be read: ${error instanceof Error ? error.message : String(error)}`;
}

function compareByName(left: ShelvedInstance, right: ShelvedInstance): number {
  if (left.name !== right.name) return left.name < right.name ? -1 : 1;
  return left.id < right.id ? -1 : 1;
}
