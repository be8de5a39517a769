import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { DarkroomError } from '../../../../model/errors.ts';
import type { TransferOptions } from '../../../../model/ports/image-store.ts';
import type { SnapshotFileDraft } from '../../../../model/ports/snapshot-store.ts';
import {
  isDraftName,
  type SnapshotKey,
  snapshotDraftPath,
  snapshotFilePath,
  volumeFolder,
} from '../../documents/snapshot-layout.ts';
import { syncWithAccess } from '../../files/durable-files.ts';
import { IMAGE_FILE_MODE } from '../../files/file-modes.ts';
import { isThere } from '../../files/is-there.ts';
import { listNames } from '../../files/list-names.ts';
import { type StoreFailure, withStoreErrors } from '../../files/store-errors.ts';
import type { Bucket } from '../bucket.ts';
import { makeVolumeFolder, type SnapshotContext } from './context.ts';

interface DraftFiles {
  readonly key: string;
  /** On this host. */
  readonly file: string;
}

/**
 * On this host until it is moved in. Its methods: STORE_WRITE_FAILED, NO_SPACE, CANCELLED. What it is said to take is its length: a
 * server keeps holes as zeroes, and bills them.
 */
export function createSnapshotDraft(context: SnapshotContext, snapshot: SnapshotKey, tag: string): SnapshotFileDraft {
  const key = snapshotFilePath('', snapshot);
  const file = context.mirror.path(snapshotDraftPath('', snapshot, tag));
  makeVolumeFolder(context.mirror, snapshot.volume, 'STORE_WRITE_FAILED');
  const state = { isUploading: false };
  return {
    path: file,
    seal: () => seal(context, file),
    moveIn: async (options) => {
      state.isUploading = true;
      await moveIn(context, { key, file }, options);
      state.isUploading = false;
    },
    discard: async () => {
      await removeFile(file);
      if (state.isUploading) await forgetUploads(context.bucket, key);
    },
  };
}

/** Of that tag, on this host, with what was uploaded of them. STORE_WRITE_FAILED. */
export async function discardSnapshotDrafts(
  { bucket, mirror }: SnapshotContext,
  volume: string,
  tag: string,
): Promise<void> {
  const folder = mirror.path(volumeFolder('', volume));
  const reading = failure('discard the files in the making in', folder);
  const names = (await withStoreErrors(reading, () => listNames(folder))).filter((name) => isDraftName(name, tag));
  for (const name of names) await removeFile(path.join(folder, name));
  for (const id of names.flatMap((name) => name.split('.')[1] ?? [])) {
    await forgetUploads(bucket, snapshotFilePath('', { id, volume }));
  }
}

async function seal(
  context: SnapshotContext,
  file: string,
): Promise<{ readonly sizeBytes: number; readonly storedBytes: number }> {
  const owner = await context.owner();
  return await withStoreErrors(failure('complete', file), async () => {
    const { size } = await syncWithAccess(file, { mode: IMAGE_FILE_MODE, owner });
    return { sizeBytes: size, storedBytes: size };
  });
}

async function moveIn(
  { bucket, mirror }: SnapshotContext,
  { key, file }: DraftFiles,
  options: TransferOptions = {},
): Promise<void> {
  if (!(await hasFile(file))) return await requireMovedIn(bucket, { key, file });
  const entry = await bucket.upload(key, file, options);
  const target = mirror.path(key);
  await withStoreErrors(failure('move in', target), () => rename(file, target));
  await mirror.record(key, entry);
}

/** Moved in by an attempt that could not tell any more. */
async function requireMovedIn(bucket: Bucket, { key, file }: DraftFiles): Promise<void> {
  if ((await bucket.head(key)) !== null) return;
  const message = `Cannot bring ${file} to ${bucket.location}: it is not there. Something removed it; try again`;
  throw new DarkroomError('STORE_WRITE_FAILED', message, { fields: { path: file, key } });
}

/** Parts of an upload that nobody will end. Those that are left, since the server does not answer, are found when garbage is collected. */
async function forgetUploads(bucket: Bucket, key: string): Promise<void> {
  await bucket.abortUploads(key).catch(() => undefined);
}

async function removeFile(file: string): Promise<void> {
  await withStoreErrors(failure('discard', file), () => rm(file, { force: true }));
}

async function hasFile(file: string): Promise<boolean> {
  return await withStoreErrors(failure('read', file), () => isThere(file));
}

function failure(action: string, file: string): StoreFailure {
  return { code: 'STORE_WRITE_FAILED', action, path: file };
}
