import { lstat, unlink } from 'node:fs/promises';
import { DarkroomError } from '../../../model/errors.ts';
import type { SnapshotRecord } from '../../../model/snapshot/snapshot.ts';
import {
  type SnapshotKey,
  snapshotFilePath,
  snapshotNotFound,
  snapshotRecordPath,
  snapshotsFolder,
  snapshotXmlPath,
  volumeFolder,
} from '../documents/snapshot-layout.ts';
import { serialiseSnapshotRecord } from '../documents/snapshot-record.ts';
import { replaceFile, syncFolder } from '../files/durable-files.ts';
import { IMAGE_FILE_MODE, SECRET_FILE_MODE } from '../files/file-modes.ts';
import { isThere } from '../files/is-there.ts';
import { errnoOf, type StoreFailure, withStoreErrors } from '../files/store-errors.ts';
import type { StoreContext } from './context.ts';

/** SNAPSHOT_STATE when there is one; INTERNAL for one that we would not read back; STORE_WRITE_FAILED, NO_SPACE. */
export async function publishSnapshot(
  context: StoreContext,
  snapshot: SnapshotRecord,
  domainXml: string | null,
): Promise<void> {
  const target = snapshotRecordPath(context.root, snapshot);
  const content = serialiseSnapshotRecord(snapshot);
  const owner = await context.owner();
  await withStoreErrors(failure('publish the snapshot', target), async () => {
    if (await isThere(target)) throw alreadyThere(snapshot.id);
    await requirePlainFile(snapshotFilePath(context.root, snapshot));
    await keepDomainXml(snapshotXmlPath(context.root, snapshot), domainXml);
    await replaceFile(target, content, { mode: IMAGE_FILE_MODE, owner });
    await syncFolder(snapshotsFolder(context.root));
    await syncFolder(context.root);
  });
}

/** SNAPSHOT_NOT_FOUND when there is none; INTERNAL for one that we would not read back; STORE_WRITE_FAILED, NO_SPACE. */
export async function updateSnapshot(context: StoreContext, snapshot: SnapshotRecord): Promise<void> {
  const target = snapshotRecordPath(context.root, snapshot);
  const content = serialiseSnapshotRecord(snapshot);
  const owner = await context.owner();
  await withStoreErrors(failure('write', target), async () => {
    if (!(await isThere(target))) throw snapshotNotFound(snapshot.id);
    await replaceFile(target, content, { mode: IMAGE_FILE_MODE, owner });
  });
}

/** Record first and durably, so that whatever happens then, nobody takes the rest for a snapshot. STORE_WRITE_FAILED. */
export async function removeSnapshot({ root }: StoreContext, snapshot: SnapshotKey): Promise<void> {
  const record = snapshotRecordPath(root, snapshot);
  const folder = volumeFolder(root, snapshot.volume);
  await withStoreErrors(failure('remove', record), async () => {
    if (!(await isThere(folder))) return;
    await unlinkIfThere(record);
    await syncFolder(folder);
    await unlinkIfThere(snapshotXmlPath(root, snapshot));
    await unlinkIfThere(snapshotFilePath(root, snapshot));
    await syncFolder(folder);
  });
}

/** Without one, that of an attempt that died does not become this snapshot's. */
async function keepDomainXml(file: string, domainXml: string | null): Promise<void> {
  if (domainXml === null) await unlinkIfThere(file);
  else await replaceFile(file, domainXml, { mode: SECRET_FILE_MODE, owner: null });
}

async function requirePlainFile(file: string): Promise<void> {
  if (!(await lstat(file)).isFile()) throw new Error(`${file} is not a regular file`);
}

async function unlinkIfThere(file: string): Promise<void> {
  try {
    await unlink(file);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

function failure(action: string, file: string): StoreFailure {
  return { code: 'STORE_WRITE_FAILED', action, path: file };
}

function alreadyThere(snapshotId: string): DarkroomError {
  const message = `Snapshot ${snapshotId} is already in the store`;
  return new DarkroomError('SNAPSHOT_STATE', message, { fields: { snapshotId } });
}
