import { rm } from 'node:fs/promises';
import path from 'node:path';
import { DarkroomError } from '../../../../model/errors.ts';
import type { CacheUsage } from '../../../../model/store.ts';
import { lookUpImageOwner } from '../../files/image-owner.ts';
import { withStoreErrors } from '../../files/store-errors.ts';
import type { Bucket, ObjectEntry } from '../bucket.ts';
import type { Mirror, MirrorOptions } from '../mirror.ts';
import type { MirrorContext } from './context.ts';
import { inspectFile, removeNote, writeNote } from './copy-note.ts';
import { evict, removeEmptyFolders } from './evict.ts';
import { fetchCopy, findCopy } from './fetch-copy.ts';
import { KeyTurns } from './key-turns.ts';
import { listCopies } from './list-copies.ts';
import { makeRoom } from './make-room.ts';
import { pin, unpin } from './pins.ts';
import { dropStalePins } from './stale-pins.ts';

/** Smaller ones do not make the difference between enough room and too little. */
const WORTH_MAKING_ROOM_BYTES = 1024 * 1024;

/** Nothing is touched before the first call. Errors as the port of the store says. */
export function createMirror(bucket: Bucket, options: MirrorOptions): Mirror {
  const rootPath = path.resolve(options.rootPath);
  const context: MirrorContext = {
    bucket,
    rootPath,
    limitBytes: options.limitBytes,
    isWanted: options.isWanted ?? (async () => true),
    owner: () => lookUpImageOwner(options.imageGroup),
    turns: new KeyTurns(),
    arriving: new Map(),
  };
  return {
    rootPath,
    path: (key) => locate(rootPath, key),
    fetch: (key, fetchOptions) => fetchCopy(context, requireKey(rootPath, key), fetchOptions),
    find: (key) => findCopy(context, requireKey(rootPath, key)),
    record: (key, entry) => record(context, key, entry),
    forget: (key) => forget(rootPath, key),
    pin: (prefix, name) => pin(rootPath, prefix, name),
    unpin: (prefix, name) => unpin(rootPath, prefix, name),
    measure: () => measure(context),
    free: async (wantedBytes) => {
      await dropStalePins(context);
      return await evict(rootPath, wantedBytes);
    },
  };
}

async function record(context: MirrorContext, key: string, entry: ObjectEntry): Promise<void> {
  const file = locate(context.rootPath, key);
  await withStoreErrors({ code: 'STORE_WRITE_FAILED', action: 'note the copy', path: file }, async () => {
    const seen = await inspectFile(file);
    if (seen !== null) await writeNote(file, { etag: entry.etag, ...seen, sizeBytes: entry.sizeBytes });
  });
  if (entry.sizeBytes >= WORTH_MAKING_ROOM_BYTES) await makeRoom(context, 0);
}

async function forget(rootPath: string, key: string): Promise<void> {
  const file = locate(rootPath, key);
  await withStoreErrors({ code: 'STORE_WRITE_FAILED', action: 'remove', path: file }, async () => {
    await rm(file, { force: true });
    await removeNote(file);
    await removeEmptyFolders(rootPath, path.dirname(file));
  });
}

async function measure({ rootPath, limitBytes }: MirrorContext): Promise<CacheUsage> {
  const copies = (await listCopies(rootPath)).filter(({ isValid }) => isValid);
  const usedBytes = copies.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
  return { path: rootPath, files: copies.length, usedBytes, limitBytes };
}

function requireKey(rootPath: string, key: string): string {
  locate(rootPath, key);
  return key;
}

/** INTERNAL for a key that would lead out of the mirror; callers check names before they make keys of them. */
function locate(rootPath: string, key: string): string {
  const file = path.join(rootPath, key);
  if (file.startsWith(`${rootPath}${path.sep}`)) return file;
  throw new DarkroomError('INTERNAL', `${JSON.stringify(key)} is not a key of a file`);
}
