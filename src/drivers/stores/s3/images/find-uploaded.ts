import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { z } from 'zod';
import { DarkroomError } from '../../../../model/errors.ts';
import { withStoreErrors } from '../../files/store-errors.ts';
import { type ObjectEntry, PARTS_SUFFIX } from '../bucket.ts';
import { readValidNote } from '../mirror/copy-note.ts';
import type { ImagesContext } from './context.ts';

const MAX_PARTS_BYTES = 4 * 1024 * 1024;
const READ_BYTES = 1024 * 1024;

const partsDocument = z.object({
  version: z.literal(1),
  sizeBytes: z.int().min(0),
  partBytes: z.int().min(1),
  sha256: z.array(z.string()),
});
type Parts = z.infer<typeof partsDocument>;

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
  if (parts === null || parts.sizeBytes !== sizeBytes) return null;
  return (await holds(file, parts, signal)) ? entry : null;
}

/** null where there are none, or they may be of a later try that was not completed. */
async function readParts({ bucket }: Pick<ImagesContext, 'bucket'>, entry: ObjectEntry): Promise<Parts | null> {
  const key = `${entry.key}${PARTS_SUFFIX}`;
  const beside = await bucket.head(key);
  if (beside === null || Date.parse(beside.modifiedAt) > Date.parse(entry.modifiedAt)) return null;
  const found = await bucket.get(key, { maxBytes: MAX_PARTS_BYTES });
  try {
    return found === null ? null : partsDocument.parse(JSON.parse(found.content.toString('utf8')));
  } catch {
    return null;
  }
}

async function holds(file: string, parts: Parts, signal: AbortSignal | undefined): Promise<boolean> {
  return await withStoreErrors({ code: 'STORE_WRITE_FAILED', action: 'read', path: file }, async () => {
    const handle = await open(file);
    try {
      return await matches(handle, parts, signal);
    } finally {
      await handle.close();
    }
  });
}

async function matches(handle: FileHandle, parts: Parts, signal: AbortSignal | undefined): Promise<boolean> {
  const count = Math.max(1, Math.ceil(parts.sizeBytes / parts.partBytes));
  if (parts.sha256.length !== count) return false;
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
