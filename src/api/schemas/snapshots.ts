import { z } from 'zod';
import { REQUESTED_CONSISTENCIES } from '../../model/consistency.ts';
import { DISK_FORMATS } from '../../model/image.ts';
import type { SnapshotLink } from '../../model/snapshot/chain-link.ts';
import {
  SNAPSHOT_METHODS,
  SNAPSHOT_STATUSES,
  type Snapshot,
  type SnapshotDeletion,
} from '../../model/snapshot/snapshot.ts';
import { consistencySchema } from './consistency.ts';
import { descriptionSchema, optionalBody, pathSchema, principalNameSchema, referenceSchema } from './names.ts';
import { pageShape } from './pages.ts';
import { storeReferenceSchema } from './store-references.ts';

export const snapshotParamsSchema = z.object({ snapshot: referenceSchema });
export const snapshotShareParamsSchema = z.object({ snapshot: referenceSchema, principal: principalNameSchema });

export const snapshotListQuerySchema = z.strictObject({
  /** Id, or `<instance>/<target>`. */
  volume: referenceSchema.exactOptional(),
  instance: referenceSchema.exactOptional(),
  ...pageShape,
});

/** Of one volume, or of all volumes of an instance at one instant. */
export const createSnapshotBodySchema = z
  .strictObject({
    volume: referenceSchema.nullable().default(null),
    instance: referenceSchema.nullable().default(null),
    description: descriptionSchema.default(null),
    consistency: z.enum(REQUESTED_CONSISTENCIES).default('auto'),
    isFull: z.boolean().default(false),
    isCompressed: z.boolean().default(false),
    isEncrypted: z.boolean().default(false),
  })
  .refine(({ volume, instance }) => (volume === null) !== (instance === null), {
    error: 'must be given, or instance: one of both',
    path: ['volume'],
  });
export type CreateSnapshotBody = z.input<typeof createSnapshotBodySchema>;

const verifyOptionsSchema = z.strictObject({ isDeep: z.boolean().default(false) });
export const verifySnapshotBodySchema = optionalBody(verifyOptionsSchema);
export type VerifySnapshotBody = z.input<typeof verifyOptionsSchema>;

/** A file that does not exist for an export, one that does for an import. */
export const snapshotFileBodySchema = z.strictObject({ path: pathSchema });
export type SnapshotFileBody = z.input<typeof snapshotFileBodySchema>;

export const copySnapshotBodySchema = z.strictObject({ store: storeReferenceSchema });
export type CopySnapshotBody = z.input<typeof copySnapshotBodySchema>;

const mountOptionsSchema = z.strictObject({ directory: pathSchema.nullable().default(null) });
export const mountSnapshotBodySchema = optionalBody(mountOptionsSchema);
export type MountSnapshotBody = z.input<typeof mountOptionsSchema>;

/** What takes nothing may still be sent an empty object. */
export const restoreSnapshotBodySchema = optionalBody(z.strictObject({}));

const shareOptionsSchema = z.strictObject({
  expiresAt: z.iso
    .datetime({ offset: true, error: 'must be a time of RFC 3339 with its zone' })
    .transform((text) => new Date(text).toISOString())
    .nullable()
    .default(null),
});
export const shareSnapshotBodySchema = optionalBody(shareOptionsSchema);
export type ShareSnapshotBody = z.input<typeof shareOptionsSchema>;

const snapshotObject = z.object({
  id: z.string(),
  volume: z.string(),
  instance: z.string(),
  instanceName: z.string(),
  target: z.string(),
  setId: z.string(),
  createdAt: z.string(),
  description: z.string().nullable(),
  owner: z.string().nullable(),
  shares: z.array(z.object({ principal: z.string(), expiresAt: z.string().nullable() })),
  status: z.enum(SNAPSHOT_STATUSES),
  parent: z.string().nullable(),
  method: z.enum(SNAPSHOT_METHODS),
  reason: z.string().nullable(),
  consistency: consistencySchema,
  logicalBytes: z.number(),
  sizeBytes: z.number(),
  storedBytes: z.number(),
  exclusiveBytes: z.number().nullable(),
  chainLength: z.number(),
  sha256: z.string(),
  isCompressed: z.boolean(),
  isEncrypted: z.boolean(),
  volumeFormat: z.enum(DISK_FORMATS),
  users: z.array(z.object({ host: z.string(), path: z.string(), since: z.string() })),
});
export const snapshotSchema: z.ZodType<Snapshot> = snapshotObject;

export const snapshotLinkSchema: z.ZodType<SnapshotLink> = snapshotObject.extend({ isHidden: z.boolean() });

export const snapshotDeletionSchema: z.ZodType<SnapshotDeletion> = z.object({
  id: z.string(),
  freedBytes: z.number(),
  isEstimate: z.boolean(),
  rewritten: z.array(z.string()),
  isKeptHidden: z.boolean(),
});
