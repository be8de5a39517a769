import { z } from 'zod';
import { ACHIEVED_CONSISTENCIES, REQUESTED_CONSISTENCIES } from '../model/consistency.ts';
import { DISK_FORMATS } from '../model/image.ts';
import { SNAPSHOT_METHODS } from '../model/snapshot/snapshot.ts';

/** Name of the first file of an exported chain; it describes the others. */
export const ARCHIVE_MANIFEST = 'darkroom-snapshots.json';
export const MAX_ARCHIVE_MANIFEST_BYTES = 8 * 1024 ** 2;
export const MAX_ARCHIVE_XML_BYTES = 4 * 1024 ** 2;

const uuid = z.string().regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
const count = z.int().min(0);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const instant = z.iso.datetime({ precision: 3 });

const snapshot = z.strictObject({
  id: uuid,
  volume: uuid,
  instance: uuid,
  instanceName: z.string().min(1).max(1024),
  target: z.string().regex(/^[a-z]{1,3}[a-z0-9]{1,5}$/),
  setId: uuid,
  createdAt: instant,
  headAt: instant,
  description: z.string().max(65536).nullable(),
  parent: uuid.nullable(),
  method: z.enum(SNAPSHOT_METHODS),
  reason: z.string().max(65536).nullable(),
  consistency: z.strictObject({
    requested: z.enum(REQUESTED_CONSISTENCIES),
    achieved: z.enum(ACHIEVED_CONSISTENCIES),
    freezeMs: z.number().min(0),
    pauseMs: z.number().min(0),
    reason: z.string().max(65536).exactOptional(),
  }),
  logicalBytes: count,
  sizeBytes: count,
  sha256,
  contentSha256: sha256.exactOptional(),
  isCompressed: z.boolean(),
  isEncrypted: z.boolean(),
  isDeleted: z.boolean(),
  volumeFormat: z.enum(DISK_FORMATS),
  /** Of `<id>.xml`; null: there is none. */
  domainXml: z.strictObject({ sizeBytes: count.max(MAX_ARCHIVE_XML_BYTES), sha256 }).nullable(),
});

/** What an exported chain says of itself, from the snapshot that stands alone up to the one that was asked for. */
export const archiveManifestSchema = z.strictObject({
  darkroomSnapshots: z.literal(1),
  snapshots: z.array(snapshot).min(1).max(10_000),
});

export type ArchiveManifest = z.infer<typeof archiveManifestSchema>;
export type ArchivedSnapshot = ArchiveManifest['snapshots'][number];
