import { lstat, realpath } from 'node:fs/promises';
import path from 'node:path';
import {
  type SnapshotKey,
  snapshotDamaged,
  snapshotFileMissing,
  snapshotFilePath,
  snapshotsFolder,
  snapshotXmlPath,
} from '../documents/snapshot-layout.ts';
import { isUnfitFile, readReplaceableFile } from '../files/durable-files.ts';
import { errnoOf, withStoreErrors } from '../files/store-errors.ts';

/** Definitions have some tens of KiB; a longer one was not written by us. */
const MAX_XML_BYTES = 16 * 1024 * 1024;

/** SNAPSHOT_DAMAGED for a missing file, a link on the way, or anything but a regular file; STORE_UNUSABLE. */
export async function resolveSnapshotFile(root: string, snapshot: SnapshotKey): Promise<string> {
  const target = snapshotFilePath(root, snapshot);
  return await withStoreErrors({ code: 'STORE_UNUSABLE', action: 'read', path: target }, async () => {
    try {
      const reason = await findFault(root, target);
      if (reason !== null) throw snapshotDamaged(snapshot.id, reason);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') throw snapshotFileMissing(snapshot.id);
      throw error;
    }
    return target;
  });
}

/** null where none was kept. SNAPSHOT_DAMAGED for anything but a small regular file; STORE_UNUSABLE. */
export async function readSnapshotXml(root: string, snapshot: SnapshotKey): Promise<string | null> {
  const file = snapshotXmlPath(root, snapshot);
  return await withStoreErrors({ code: 'STORE_UNUSABLE', action: 'read', path: file }, async () => {
    try {
      return await readReplaceableFile(file, MAX_XML_BYTES);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return null;
      if (isUnfitFile(error)) throw snapshotDamaged(snapshot.id, 'its definition is not a small regular file');
      throw error;
    }
  });
}

/** The store itself may be reached through a link; nothing inside of it may. */
async function findFault(root: string, target: string): Promise<string | null> {
  if (!(await lstat(target)).isFile()) return 'its file is not a regular file';
  const folder = snapshotsFolder(root);
  const expected = path.join(await realpath(folder), path.relative(folder, target));
  return (await realpath(target)) === expected ? null : 'its file lies behind a symbolic link';
}
