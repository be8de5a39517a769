import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { mapConcurrently } from '../../../lib/async.ts';
import type { BrokenImage, RecycledImages } from '../../../model/ports/image-store.ts';
import type { RecycledImage } from '../../../model/recycled-image.ts';
import { sortByDeletion } from '../documents/image-order.ts';
import {
  isUuid,
  MANIFEST_FILE,
  parsePurgedName,
  RECYCLED_FILE,
  recycledFolder,
  recycleFolder,
} from '../documents/layout.ts';
import { MAX_MANIFEST_BYTES, parseManifest } from '../documents/manifest.ts';
import { parseNote } from '../documents/recycled-note.ts';
import { readSmallFile } from '../files/durable-files.ts';
import { listFolderNames } from '../files/list-names.ts';
import { errnoOf, withStoreErrors } from '../files/store-errors.ts';
import type { StoreContext } from './context.ts';

const CONCURRENT_READS = 16;
const MAX_NOTE_BYTES = 64 * 1024;

type Reading = { readonly recycled: RecycledImage } | { readonly broken: BrokenImage } | null;

/** Reads every note and manifest; one that is broken is reported beside the others. STORE_UNUSABLE. */
export async function listRecycled(context: StoreContext): Promise<RecycledImages> {
  const names = await listFolders(context);
  const readings = await mapConcurrently(names.filter(isUuid), CONCURRENT_READS, (id) => readOrExplain(context, id));
  const recycled: RecycledImage[] = [];
  const broken: BrokenImage[] = [];
  for (const reading of readings) {
    if (reading === null) continue;
    if ('recycled' in reading) recycled.push(reading.recycled);
    else broken.push(reading.broken);
  }
  // one that was deleted again under the same id keeps its time
  const halfPurgedIds = names.map(parsePurgedName).filter((id): id is string => id !== null && !names.includes(id));
  return { recycled: sortByDeletion(recycled), broken, halfPurgedIds };
}

async function listFolders(context: StoreContext): Promise<readonly string[]> {
  const folder = recycleFolder(context.root);
  return await withStoreErrors({ code: 'STORE_UNUSABLE', action: 'read', path: folder }, () => listFolderNames(folder));
}

async function readOrExplain(context: StoreContext, id: string): Promise<Reading> {
  const folder = recycledFolder(context.root, id);
  try {
    const note = parseNote(await readSmallFile(path.join(folder, RECYCLED_FILE), MAX_NOTE_BYTES));
    const image = parseManifest(await readSmallFile(path.join(folder, MANIFEST_FILE), MAX_MANIFEST_BYTES), id);
    return { recycled: { id, image, sizeBytes: image.sizeBytes, ...note } };
  } catch (error) {
    if (!(await isThere(folder))) return null;
    return { broken: { id, reason: error instanceof Error ? error.message : String(error) } };
  }
}

/** It may have been restored or purged since the folder was read. */
async function isThere(folder: string): Promise<boolean> {
  return await lstat(folder).then(
    () => true,
    (error: unknown) => errnoOf(error) !== 'ENOENT',
  );
}
