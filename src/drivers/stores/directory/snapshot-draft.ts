import { lstat, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { SnapshotFileDraft } from '../../../model/ports/snapshot-store.ts';
import {
  isDraftName,
  type SnapshotKey,
  snapshotDraftPath,
  snapshotFilePath,
  volumeFolder,
} from '../documents/snapshot-layout.ts';
import { syncFolder, syncWithAccess } from '../files/durable-files.ts';
import { IMAGE_FILE_MODE } from '../files/file-modes.ts';
import { listNames } from '../files/list-names.ts';
import { errnoOf, type StoreFailure, withStoreErrors } from '../files/store-errors.ts';
import type { StoreContext } from './context.ts';

/** Bytes of a block in stat(2), whatever the file system's. */
const STAT_BLOCK_BYTES = 512;

/** A left-over of a record or a lock that is as old as this is of a process that died: writing one takes moments. */
const FORGOTTEN_MS = 60 * 60 * 1000;
const PART_OF_A_DOCUMENT = /^\.(lock|[0-9a-f-]{36}\.(json|xml))\.[0-9a-f]{12}\.partial$/;

/** Its methods: STORE_WRITE_FAILED, NO_SPACE. The folder is there once the store was found writable for that volume. */
export function createSnapshotDraft(context: StoreContext, snapshot: SnapshotKey, tag: string): SnapshotFileDraft {
  const target = snapshotFilePath(context.root, snapshot);
  const file = snapshotDraftPath(context.root, snapshot, tag);
  return {
    path: file,
    seal: async () => await seal(context, file),
    moveIn: async () => await moveIn(file, target),
    discard: async () => await withStoreErrors(failure('discard', file), () => rm(file, { force: true })),
  };
}

/** Of that tag; what a writer of records left when it died long ago goes too. STORE_WRITE_FAILED. */
export async function discardSnapshotDrafts({ root }: StoreContext, volume: string, tag: string): Promise<void> {
  const folder = volumeFolder(root, volume);
  await withStoreErrors(failure('discard the files in the making in', folder), async () => {
    for (const name of await listNames(folder)) {
      const file = path.join(folder, name);
      if (isDraftName(name, tag) || (await isForgotten(file))) await rm(file, { force: true });
    }
  });
}

async function seal(
  context: StoreContext,
  file: string,
): Promise<{ readonly sizeBytes: number; readonly storedBytes: number }> {
  const owner = await context.owner();
  return await withStoreErrors(failure('complete', file), async () => {
    const { size, blocks } = await syncWithAccess(file, { mode: IMAGE_FILE_MODE, owner });
    return { sizeBytes: size, storedBytes: blocks * STAT_BLOCK_BYTES };
  });
}

async function moveIn(file: string, target: string): Promise<void> {
  await withStoreErrors(failure('move in', target), async () => {
    try {
      await rename(file, target);
    } catch (error) {
      // moved in by an attempt that could not tell any more
      if (errnoOf(error) !== 'ENOENT' || !(await lstat(target)).isFile()) throw error;
    }
    await syncFolder(path.dirname(target));
  });
}

async function isForgotten(file: string): Promise<boolean> {
  if (!PART_OF_A_DOCUMENT.test(path.basename(file))) return false;
  const seen = await lstat(file).catch(() => null);
  return seen !== null && Date.now() - seen.mtimeMs > FORGOTTEN_MS;
}

function failure(action: string, file: string): StoreFailure {
  return { code: 'STORE_WRITE_FAILED', action, path: file };
}
