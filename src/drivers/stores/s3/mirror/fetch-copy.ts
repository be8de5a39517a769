import { lstat, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { newUuid } from '../../../../lib/uuid.ts';
import { DarkroomError, hasCode } from '../../../../model/errors.ts';
import type { FetchOptions } from '../../../../model/ports/image-store.ts';
import { FOLDER_MODE } from '../../documents/layout.ts';
import { makeFolders, syncFolder, syncWithAccess } from '../../files/durable-files.ts';
import { IMAGE_FILE_MODE, SECRET_FILE_MODE } from '../../files/file-modes.ts';
import { withStoreErrors } from '../../files/store-errors.ts';
import type { ObjectEntry } from '../bucket.ts';
import type { MirrorContext } from './context.ts';
import { inspectFile, readValidNote, touchNote, writeNote } from './copy-note.ts';
import { arrivingPath } from './list-copies.ts';
import { makeRoom } from './make-room.ts';

export type CopyOptions = FetchOptions & { readonly isSecret?: boolean };

/** Who replaces an object did so in a moment: the next look finds what is there now. */
const MAX_TRIES = 4;

/** As `Mirror.fetch`. Other processes may fetch the same at the same time: each has a temporary name of its own. */
export async function fetchCopy(
  context: MirrorContext,
  key: string,
  options: CopyOptions = {},
): Promise<string | null> {
  const found = await context.turns.run(key, options.signal, async () => {
    for (let tries = 1; ; tries += 1) {
      try {
        return { file: await fetchAsItIs(context, key, options) };
      } catch (error) {
        if (!wasReplaced(error) || tries >= MAX_TRIES) throw error;
      }
    }
  });
  return found.file;
}

async function fetchAsItIs(context: MirrorContext, key: string, options: CopyOptions): Promise<string | null> {
  const entry = await context.bucket.head(key);
  if (entry === null) return null;
  const file = path.join(context.rootPath, key);
  if (options.isFresh !== true && (await isCopyOf(file, entry))) options.onBytes?.(entry.sizeBytes);
  else await bringHere(context, { entry, file }, options);
  return file;
}

/** As `Mirror.find`. */
export async function findCopy({ bucket, rootPath }: MirrorContext, key: string): Promise<string | null> {
  const file = path.join(rootPath, key);
  const entry = await bucket.head(key);
  return entry !== null && (await isCopyOf(file, entry)) ? file : null;
}

/** Or deleted. */
function wasReplaced(error: unknown): boolean {
  return hasCode(error, 'STORE_UNUSABLE') && error.fields['isReplaced'] === true;
}

/** Touched before it is looked at: see evict. */
async function isCopyOf(file: string, entry: ObjectEntry): Promise<boolean> {
  await touchNote(file);
  return (await readValidNote(file))?.etag === entry.etag;
}

interface Arrival {
  readonly entry: ObjectEntry;
  readonly file: string;
}

async function bringHere(context: MirrorContext, { entry, file }: Arrival, options: CopyOptions): Promise<void> {
  await makeRoom(context, entry.sizeBytes);
  const temporary = arrivingPath(file, newUuid());
  context.arriving.set(temporary, entry.sizeBytes);
  try {
    await withStoreErrors({ code: 'STORE_WRITE_FAILED', action: 'fetch a copy to', path: file }, async () => {
      await makeFolders(path.dirname(file), FOLDER_MODE);
      await (await open(temporary, 'wx', SECRET_FILE_MODE)).close();
      await context.bucket.download(entry, temporary, options);
      await complete(context, { entry, file, temporary }, options);
    });
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    context.arriving.delete(temporary);
  }
}

/** The note before the name, so that what has the name always has a note: a file without one is a draft, which nobody removes. */
async function complete(
  context: MirrorContext,
  { entry, file, temporary }: Arrival & { readonly temporary: string },
  options: CopyOptions,
): Promise<void> {
  const mode = options.isSecret === true ? SECRET_FILE_MODE : IMAGE_FILE_MODE;
  const { size } = await syncWithAccess(temporary, { mode, owner: await context.owner() });
  if (size !== entry.sizeBytes) throw cutShort(entry, size);
  const { ino } = await lstat(temporary, { bigint: true });
  const note = { etag: entry.etag, sizeBytes: size, inode: String(ino) };
  await writeNote(file, note);
  await rename(temporary, file);
  await syncFolder(path.dirname(file));
  // another process may have written its note in between
  if ((await inspectFile(file))?.inode === note.inode) await writeNote(file, note);
}

function cutShort(entry: ObjectEntry, size: number): DarkroomError {
  const message = `Of the object ${entry.key}, which has ${entry.sizeBytes} bytes, ${size} arrived: try again`;
  return new DarkroomError('STORE_UNUSABLE', message, { fields: { key: entry.key, sizeBytes: entry.sizeBytes } });
}
