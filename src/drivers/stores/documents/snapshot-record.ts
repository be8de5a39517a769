import { z } from 'zod';
import { DISK_FORMATS } from '../../../model/image.ts';
import { isOurCheckpoint } from '../../../model/snapshot/checkpoint-name.ts';
import { SNAPSHOT_METHODS, SNAPSHOT_STATUSES, type SnapshotRecord } from '../../../model/snapshot/snapshot.ts';
import { isUuid } from './layout.ts';
import { consistency } from './manifest.ts';
import { parseDocument, requireReadable } from './parse-document.ts';
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
  const facts = { name: 'record', damaged: (reason: string) => snapshotDamaged(id, reason) } as const;
  const { version: _, ...snapshot } = parseDocument(content, document, facts);
  if (snapshot.id !== id) throw snapshotDamaged(id, `its record is that of ${snapshot.id}`);
  if (snapshot.volume !== volume) throw snapshotDamaged(id, `its record is of the volume ${snapshot.volume}`);
  if ([snapshot.parent, snapshot.pending?.parent].includes(id)) throw snapshotDamaged(id, 'it stands on itself');
  return snapshot;
}

/** The document to store; INTERNAL for a snapshot that we would refuse to read back. */
export function serialiseSnapshotRecord(snapshot: SnapshotRecord): string {
  const content = `${JSON.stringify({ version: 1, ...snapshot }, null, 2)}\n`;
  requireReadable(`the record of snapshot ${snapshot.id}`, () => {
    if (Buffer.byteLength(content) > MAX_SNAPSHOT_RECORD_BYTES) throw new Error('it is too long');
    parseSnapshotRecord(content, snapshot);
  });
  return content;
}
