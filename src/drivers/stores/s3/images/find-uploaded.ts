import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { DarkroomError } from '../../../../model/errors.ts';
import { withStoreErrors } from '../../files/store-errors.ts';
import { listOf, listOfCopy, MAX_LISTS_BYTES, type PartList, parseLists } from '../bucket/part-list.ts';
import { type ObjectEntry, PARTS_SUFFIX } from '../bucket.ts';
import { readValidNote } from '../mirror/copy-note.ts';
import type { ImagesContext } from './context.ts';

const READ_BYTES = 1024 * 1024;

/** The object of a file that becomes it, when it holds what the file holds: an earlier try may have brought it there. null: it is to be brought. */
export async function findUploaded(
  { bucket }: Pick<ImagesContext, 'bucket'>,
  { key, file, sizeBytes }: { readonly key: string; readonly file: string; readonly sizeBytes: number },
  signal?: AbortSignal,
): Promise<ObjectEntry | null> {
  const entry = await bucket.head(key);
  if (entry === null || entry.sizeBytes !== sizeBytes) return null;
  if ((await readValidNote(file))?.etag === entry.etag) return entry;
  const parts = await readParts({ bucket }, entry);
  return parts !== null && (await holds(file, parts, signal)) ? entry : null;
}

/** null where there are none that could be its. */
async function readParts({ bucket }: Pick<ImagesContext, 'bucket'>, entry: ObjectEntry): Promise<PartList | null> {
  const found = await bucket.get(`${entry.key}${PARTS_SUFFIX}`, { maxBytes: MAX_LISTS_BYTES });
  const lists = found === null ? null : parseLists(found.content);
  return lists === null ? null : (listOf(lists, entry) ?? listOfCopy(lists, entry));
}

async function holds(file: string, parts: PartList, signal: AbortSignal | undefined): Promise<boolean> {
  return await withStoreErrors({ code: 'STORE_WRITE_FAILED', action: 'read', path: file }, async () => {
    const handle = await open(file);
    try {
      return await matches(handle, parts, signal);
    } finally {
      await handle.close();
    }
  });
}

async function matches(handle: FileHandle, parts: PartList, signal: AbortSignal | undefined): Promise<boolean> {
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  for (const [index, expected] of parts.sha256.entries()) {
    const start = index * parts.partBytes;
    const end = Math.min(start + parts.partBytes, parts.sizeBytes);
    if ((await hashRange(handle, { start, end, buffer, signal })) !== expected) return false;
  }
  return true;
}

interface Range {
  readonly start: number;
  readonly end: number;
  readonly buffer: Buffer;
  readonly signal: AbortSignal | undefined;
}

async function hashRange(handle: FileHandle, { start, end, buffer, signal }: Range): Promise<string> {
  const hash = createHash('sha256');
  for (let at = start; at < end; ) {
    if (signal?.aborted === true) throw new DarkroomError('CANCELLED', 'cancelled while a file was compared');
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, end - at), at);
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  return hash.digest('hex');
}
