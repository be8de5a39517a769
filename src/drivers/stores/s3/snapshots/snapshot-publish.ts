import { DarkroomError } from '../../../../model/errors.ts';
import type { SnapshotRecord } from '../../../../model/snapshot/snapshot.ts';
import {
  type SnapshotKey,
  snapshotDamaged,
  snapshotFilePath,
  snapshotNotFound,
  snapshotRecordPath,
  snapshotXmlPath,
} from '../../documents/snapshot-layout.ts';
import {
  MAX_SNAPSHOT_RECORD_BYTES,
  parseSnapshotRecord,
  serialiseSnapshotRecord,
} from '../../documents/snapshot-record.ts';
import { type Bucket, PARTS_SUFFIX } from '../bucket.ts';
import { readDocument } from '../read-document.ts';
import type { SnapshotContext } from './context.ts';
import { withUserPins } from './user-pins.ts';

/** Definitions have some tens of KiB; a longer one was not written by us. */
const MAX_XML_BYTES = 16 * 1024 * 1024;
/** Each failed one means that somebody else has just changed it. */
const MAX_ATTEMPTS = 16;

/** SNAPSHOT_STATE when there is one; INTERNAL for one that we would not read back; STORE_WRITE_FAILED, NO_SPACE. */
export async function publishSnapshot(
  { bucket }: SnapshotContext,
  snapshot: SnapshotRecord,
  domainXml: string | null,
): Promise<void> {
  const key = snapshotRecordPath('', snapshot);
  const content = serialiseSnapshotRecord(snapshot);
  if ((await bucket.head(key)) !== null) throw alreadyThere(snapshot.id);
  await requireFile(bucket, snapshot);
  await keepDomainXml(bucket, snapshotXmlPath('', snapshot), domainXml);
  if ((await bucket.put(key, content, { ifAbsent: true })) === null) throw alreadyThere(snapshot.id);
}

/**
 * Replaces what is there, whatever it is, and never makes one: SNAPSHOT_NOT_FOUND. INTERNAL for one that we would not read back;
 * STORE_WRITE_FAILED, NO_SPACE; SNAPSHOT_DAMAGED where a thin volume of this host is to stand on files that are missing.
 */
export async function updateSnapshot(context: SnapshotContext, snapshot: SnapshotRecord): Promise<void> {
  const key = snapshotRecordPath('', snapshot);
  const content = serialiseSnapshotRecord(snapshot);
  const seen = await readDocument(context.bucket, key, MAX_SNAPSHOT_RECORD_BYTES);
  if (seen === null) throw snapshotNotFound(snapshot.id);
  const before = parseQuietly(seen.content, snapshot);
  const replacement = { key, content, snapshot, etag: seen.etag };
  await withUserPins(context, { before, after: snapshot }, () => replace(context.bucket, replacement));
}

/** Record first, so that whatever happens then, nobody takes the rest for a snapshot. STORE_WRITE_FAILED. */
export async function removeSnapshot({ bucket, mirror }: SnapshotContext, snapshot: SnapshotKey): Promise<void> {
  const file = snapshotFilePath('', snapshot);
  await bucket.remove([snapshotRecordPath('', snapshot)]);
  await bucket.remove([snapshotXmlPath('', snapshot), file, `${file}${PARTS_SUFFIX}`]);
  await mirror.forget(file);
}

/** null where none was kept. SNAPSHOT_DAMAGED for one that is too long to be ours; STORE_UNUSABLE. */
export async function readSnapshotXml({ bucket }: SnapshotContext, snapshot: SnapshotKey): Promise<string | null> {
  const found = await readDocument(bucket, snapshotXmlPath('', snapshot), MAX_XML_BYTES);
  if (found?.content === null) throw snapshotDamaged(snapshot.id, 'its definition is too long to be one');
  return found?.content ?? null;
}

interface Replacement {
  readonly key: string;
  readonly content: string;
  readonly snapshot: SnapshotRecord;
  /** As it was seen. */
  readonly etag: string;
}

/** On the condition that something is there, lest it comes back that was removed in this moment. */
async function replace(bucket: Bucket, { key, content, snapshot, etag }: Replacement): Promise<void> {
  let seen = etag;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    if ((await bucket.put(key, content, { ifMatch: seen })) !== null) return;
    const now = await bucket.head(key);
    if (now === null) throw snapshotNotFound(snapshot.id);
    seen = now.etag;
  }
  throw writeFailed(bucket, snapshot, `its record was changed by others ${MAX_ATTEMPTS} times meanwhile`);
}

/** Without one, that of an attempt that died does not become this snapshot's. */
async function keepDomainXml(bucket: Bucket, key: string, domainXml: string | null): Promise<void> {
  if (domainXml === null) await bucket.remove([key]);
  else await bucket.put(key, domainXml);
}

async function requireFile(bucket: Bucket, snapshot: SnapshotKey): Promise<void> {
  if ((await bucket.head(snapshotFilePath('', snapshot))) !== null) return;
  throw writeFailed(bucket, snapshot, 'its file is not there');
}

function parseQuietly(content: string | null, key: SnapshotKey): SnapshotRecord | null {
  try {
    return content === null ? null : parseSnapshotRecord(content, key);
  } catch {
    return null;
  }
}

function writeFailed({ location }: Bucket, { id }: SnapshotKey, seen: string): DarkroomError {
  const message = `Cannot write the snapshot ${id} to ${location}: ${seen}. Try again`;
  return new DarkroomError('STORE_WRITE_FAILED', message, { fields: { snapshotId: id, location } });
}

function alreadyThere(snapshotId: string): DarkroomError {
  const message = `Snapshot ${snapshotId} is already in the store`;
  return new DarkroomError('SNAPSHOT_STATE', message, { fields: { snapshotId } });
}
