import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { StoreUpkeep } from '../../../model/ports/stores.ts';
import type { StoreFinding } from '../../../model/store.ts';
import { imageFolder, isUuid, purgedFolder } from '../documents/layout.ts';
import { MAX_MANIFEST_BYTES } from '../documents/manifest.ts';
import { isUnfitFile, readReplaceableFile, syncFolder } from '../files/durable-files.ts';
import { errnoOf, withStoreErrors } from '../files/store-errors.ts';
import { findAgain, findFaults, type StoreReader } from '../upkeep/fault-finder.ts';
import type { DirectoryStoreOptions } from './directory-store.ts';
import { walk } from './walk.ts';

/** Upkeep of a store in a folder; see the port. What lies there is all there is of it: nothing is cached. */
export function createDirectoryUpkeep({ location }: DirectoryStoreOptions): StoreUpkeep {
  const root = path.resolve(location);
  const reader = createReader(root);
  return {
    findFaults: (signal) => findFaults(reader, { signal }),
    removeFault: async (finding) => {
      const found = await findAgain(reader, finding);
      if (found === null) return false;
      await remove(root, found);
      return true;
    },
    measureCache: async () => null,
    freeCache: async () => 0,
  };
}

/** STORE_UNUSABLE where the folder cannot be read. */
function createReader(root: string): StoreReader {
  return {
    list: (prefix, signal) =>
      withStoreErrors({ code: 'STORE_UNUSABLE', action: 'read', path: path.join(root, prefix) }, () =>
        walk(root, prefix, signal),
      ),
    read: (key) => readDocument(path.join(root, key)),
  };
}

async function readDocument(file: string): Promise<string | null> {
  return await withStoreErrors({ code: 'STORE_UNUSABLE', action: 'read', path: file }, async () => {
    try {
      return await readReplaceableFile(file, MAX_MANIFEST_BYTES);
    } catch (error) {
      if (isUnfitFile(error) || ['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return null;
      throw error;
    }
  });
}

/** Links are removed as links; what they point to is not ours. */
async function remove(root: string, finding: StoreFinding): Promise<void> {
  const doomed = placeOf(root, finding);
  await withStoreErrors({ code: 'STORE_WRITE_FAILED', action: 'remove', path: doomed }, async () => {
    await rm(doomed, { recursive: isUuid(finding.subject), force: true });
    await syncFolder(path.dirname(doomed));
  });
}

function placeOf(root: string, { kind, subject }: StoreFinding): string {
  if (!isUuid(subject)) return path.join(root, subject);
  return kind === 'half-deleted' ? purgedFolder(root, subject) : imageFolder(root, subject);
}
