import { DarkroomError } from '../../../../model/errors.ts';
import { type ObjectEntry, PARTS_SUFFIX } from '../bucket.ts';
import type { Connection } from './connection.ts';
import { bareEtag } from './digests.ts';
import { headObject } from './head-object.ts';
import {
  listOf,
  listOfCopy,
  MAX_LISTS_BYTES,
  type OwnedList,
  type PartList,
  parseLists,
  serialiseLists,
} from './part-list.ts';
import { readDocument } from './read-document.ts';
import { writeDocument } from './write-document.ts';

/** Before an object comes, or another in its place: its list, beside that of the one that is there now. STORE_WRITE_FAILED, NO_SPACE. */
export async function announceParts(connection: Connection, key: string, coming: PartList): Promise<void> {
  const entry = await headObject(connection, key);
  const lists = entry === null ? null : await readLists(connection, entry);
  const present = entry === null || lists === null ? null : (listOf(lists, entry) ?? listOfCopy(lists, entry));
  const kept = entry === null || present === null ? [] : [{ ...present, etag: entry.etag }];
  await writeLists(connection, key, [...kept, { ...coming, etag: null }]);
}

/** Its list alone, now that it is there. What stands there already serves until the next time: failing is no failure. */
export async function settleParts(connection: Connection, { key, etag }: ObjectEntry, list: PartList): Promise<void> {
  await writeLists(connection, key, [{ ...list, etag }]).catch(() => undefined);
}

/**
 * null where there is no list at all. STORE_UNUSABLE for an object that was replaced since it was seen (fields: `key`, `isReplaced`),
 * and for one that is no object of any of the lists, or lists that are none (fields: `key`, `part`: null).
 */
export async function readPartList(
  connection: Connection,
  entry: ObjectEntry,
  signal?: AbortSignal,
): Promise<PartList | null> {
  const content = await readContent(connection, entry.key, signal);
  if (content === null) return null;
  const lists = parseLists(content);
  if (lists === null) throw uncheckable(connection, entry, 'is damaged');
  const list = listOf(lists, entry);
  if (list !== null) return list;
  const now = await headObject(connection, entry.key);
  if (now === null || bareEtag(now.etag) !== bareEtag(entry.etag)) throw replaced(connection, entry);
  const copied = listOfCopy(lists, entry);
  if (copied === null) throw uncheckable(connection, entry, `says nothing of one of ${entry.sizeBytes} bytes`);
  return copied;
}

/** The object is not the one that was seen; whoever asked looks again. */
export function replaced({ options }: Connection, { key }: ObjectEntry): DarkroomError {
  const message = `${key} of ${options.location} was replaced or deleted while it was fetched: try again`;
  return new DarkroomError('STORE_UNUSABLE', message, { fields: { key, isReplaced: true } });
}

async function writeLists(connection: Connection, key: string, lists: readonly OwnedList[]): Promise<void> {
  await writeDocument(connection, { key: `${key}${PARTS_SUFFIX}`, content: serialiseLists(lists) });
}

async function readLists(connection: Connection, { key }: ObjectEntry): Promise<readonly OwnedList[] | null> {
  const content = await readContent(connection, key);
  return content === null ? null : parseLists(content);
}

async function readContent(connection: Connection, key: string, signal?: AbortSignal): Promise<Buffer | null> {
  const limits = signal === undefined ? { maxBytes: MAX_LISTS_BYTES } : { maxBytes: MAX_LISTS_BYTES, signal };
  return (await readDocument(connection, `${key}${PARTS_SUFFIX}`, limits))?.content ?? null;
}

function uncheckable({ options }: Connection, { key }: ObjectEntry, seen: string): DarkroomError {
  const message = `Cannot check ${key} of ${options.location}: ${key}${PARTS_SUFFIX} ${seen}`;
  return new DarkroomError('STORE_UNUSABLE', message, { fields: { key, part: null } });
}
