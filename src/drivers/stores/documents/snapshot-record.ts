import { z } from 'zod';
import { DarkroomError } from '../../../model/errors.ts';
import { DISK_FORMATS } from '../../../model/image.ts';
import { isOurCheckpoint } from '../../../model/snapshot/checkpoint-name.ts';
import { SNAPSHOT_METHODS, SNAPSHOT_STATUSES, type SnapshotRecord } from '../../../model/snapshot/snapshot.ts';
import { isUuid } from './layout.ts';
import { consistency } from './manifest.ts';
import { deviceName, hostPath } from './shelf-record.ts';
import { type SnapshotKey, snapshotDamaged } from './snapshot-layout.ts';

/** Records are a few KiB; a longer one was not written by us. */
export const MAX_SNAPSHOT_RECORD_BYTES = 1024 * 1024;

const count = z.int().min(0);
const text = z.string().min(1).max(1024);
const uuid = z.string().refine(isUuid, 'is not a UUID in lower case');
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'is not a SHA-256 in lower-case hex');
/** Compared as text, to find which is the last: all of one kind. */
const instant = z.iso.datetime({ precision: 3 });
const file = { sizeBytes: count, storedBytes: count, sha256 };

// Strict, unlike a manifest: what we do not know we would lose when we write it again.
const document = z.strictObject({
  version: z.literal(1),
  id: uuid,
  volume: uuid,
  instance: uuid,
  instanceName: text,
  target: deviceName,
  setId: uuid,
  createdAt: instant,
  description: z.string().nullable(),
  owner: text.nullable(),
  shares: z.array(z.strictObject({ principal: text, expiresAt: z.iso.datetime().nullable() })),
  status: z.enum(SNAPSHOT_STATUSES),
  parent: uuid.nullable(),
  method: z.enum(SNAPSHOT_METHODS),
  reason: z.string().nullable(),
  consistency: consistency.strict(),
  logicalBytes: count,
  ...file,
  contentSha256: sha256.exactOptional(),
  isCompressed: z.boolean(),
  isEncrypted: z.boolean(),
  volumeFormat: z.enum(DISK_FORMATS),
  checkpoint: z.string().refine(isOurCheckpoint, 'is not the name of a checkpoint of ours').nullable(),
  headAt: instant,
  isDeleted: z.boolean(),
  // a merge may need more than it frees
  exclusive: z.strictObject({ children: z.array(uuid), bytes: z.int() }).nullable(),
  users: z.array(z.strictObject({ host: text, path: hostPath, since: z.iso.datetime() })),
  pending: z.strictObject({ parent: uuid.nullable(), ...file }).nullable(),
});

/**
 * The snapshot that a record describes. SNAPSHOT_DAMAGED when it is not JSON, is not exactly what we write, belongs to another
 * name or volume, or stands on itself.
 */
export function parseSnapshotRecord(content: string, { id, volume }: SnapshotKey): SnapshotRecord {
  const parsed = document.safeParse(parseJson(content, id));
  if (!parsed.success) throw snapshotDamaged(id, `its record is wrong: ${describeIssue(parsed.error.issues[0])}`);
  const { version: _, ...snapshot } = parsed.data;
  if (snapshot.id !== id) throw snapshotDamaged(id, `its record is that of ${snapshot.id}`);
  if (snapshot.volume !== volume) throw snapshotDamaged(id, `its record is of the volume ${snapshot.volume}`);
  if ([snapshot.parent, snapshot.pending?.parent].includes(id)) throw snapshotDamaged(id, 'it stands on itself');
  return snapshot;
}

/** The document to store; INTERNAL for a snapshot that we would refuse to read back. */
export function serialiseSnapshotRecord(snapshot: SnapshotRecord): string {
  const content = `${JSON.stringify({ version: 1, ...snapshot }, null, 2)}\n`;
  try {
    if (Buffer.byteLength(content) > MAX_SNAPSHOT_RECORD_BYTES) throw new Error('it is too long');
    parseSnapshotRecord(content, snapshot);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const message = `Will not write the record of snapshot ${snapshot.id}: ${reason}`;
    throw new DarkroomError('INTERNAL', message, { cause: error });
  }
  return content;
}

function parseJson(content: string, id: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    const seen = content.length === 0 ? 'it is empty' : `it has ${content.length} characters that are not JSON`;
    throw snapshotDamaged(id, `its record cannot be read: ${seen}`);
  }
}

function describeIssue(issue: z.core.$ZodIssue | undefined): string {
  if (issue === undefined) return 'unknown';
  return `${issue.path.map(String).join('.') || 'the document'}: ${issue.message}`;
}
