import { z } from 'zod';
import { REQUESTED_CONSISTENCIES } from '../../model/consistency.ts';
import { DISK_FORMATS, IMAGE_STATUSES, IMAGE_TYPES, IMAGE_VISIBILITIES, type Image } from '../../model/image.ts';
import type { RecycledImage } from '../../model/recycled-image.ts';
import { IMPORT_FORMATS } from '../../model/requests.ts';
import { consistencySchema } from './consistency.ts';
import {
  descriptionSchema,
  imageNameSchema,
  optionalBody,
  pathSchema,
  principalNameSchema,
  referenceSchema,
  timeoutMsSchema,
} from './names.ts';
import { pageShape } from './pages.ts';
import { propertiesSchema } from './properties.ts';

const MAX_MEMBERS = 128;
const DEFAULT_BOOT_TIMEOUT_MS = 300_000;

export const imageParamsSchema = z.object({ image: referenceSchema });
export const imageListQuerySchema = z.strictObject({
  type: z.enum(IMAGE_TYPES).exactOptional(),
  name: referenceSchema.exactOptional(),
  status: z.enum(IMAGE_STATUSES).exactOptional(),
  owner: referenceSchema.exactOptional(),
  visibility: z.enum(IMAGE_VISIBILITIES).exactOptional(),
  /** Id of the instance that it was made of. */
  instance: referenceSchema.exactOptional(),
  ...pageShape,
});

export const deleteImageQuerySchema = z.strictObject({
  /** For good, now, and also one that was deleted before. */
  isPurged: z
    .enum(['true', 'false'])
    .default('false')
    .transform((text) => text === 'true'),
});
export const recycledImageListQuerySchema = z.strictObject(pageShape);

/** Of an instance, or from a snapshot, whose guest is where it was then. */
export const createImageBodySchema = z
  .strictObject({
    instance: referenceSchema.exactOptional(),
    fromSnapshot: referenceSchema.exactOptional(),
    name: imageNameSchema,
    /** auto where it is absent. */
    consistency: z.enum(REQUESTED_CONSISTENCIES).exactOptional(),
    description: descriptionSchema.default(null),
    properties: propertiesSchema.default({}),
    isGeneralized: z.boolean().default(false),
    /** Its disks; not together with isGeneralized. */
    isEncrypted: z.boolean().default(false),
  })
  .refine(({ instance, fromSnapshot }) => (instance === undefined) !== (fromSnapshot === undefined), {
    error: 'must be given, or fromSnapshot: one of both',
    path: ['instance'],
  })
  .refine(({ fromSnapshot, consistency }) => fromSnapshot === undefined || consistency === undefined, {
    error: 'is what the snapshot has',
    path: ['consistency'],
  })
  .refine(({ fromSnapshot, isGeneralized }) => fromSnapshot === undefined || !isGeneralized, {
    error: 'needs an instance',
    path: ['isGeneralized'],
  });
export type CreateImageBody = z.input<typeof createImageBodySchema>;
/** With what is absent filled in. */
export type CreateImageWish = z.output<typeof createImageBodySchema>;

export const importImageBodySchema = z.strictObject({
  path: pathSchema,
  name: imageNameSchema,
  format: z.enum(IMPORT_FORMATS).nullable().default(null),
  description: descriptionSchema.default(null),
  properties: propertiesSchema.default({}),
});
export type ImportImageBody = z.input<typeof importImageBodySchema>;

export const exportImageBodySchema = z.strictObject({
  path: pathSchema,
  format: z.enum(DISK_FORMATS).nullable().default(null),
});
export type ExportImageBody = z.input<typeof exportImageBodySchema>;

const verifyOptionsSchema = z
  .strictObject({
    isBooted: z.boolean().default(false),
    expect: z.string().min(1).max(1024).nullable().default(null),
    timeoutMs: timeoutMsSchema.default(DEFAULT_BOOT_TIMEOUT_MS),
  })
  .refine((body) => body.isBooted || body.expect === null, { error: 'needs isBooted', path: ['expect'] });
export const verifyImageBodySchema = optionalBody(verifyOptionsSchema);
export type VerifyImageBody = z.input<typeof verifyOptionsSchema>;

/** `protected` is called as in the image itself. */
export const updateImageBodySchema = z
  .strictObject({
    name: imageNameSchema.exactOptional(),
    description: descriptionSchema.exactOptional(),
    protected: z.boolean().exactOptional(),
    visibility: z.enum(IMAGE_VISIBILITIES).exactOptional(),
    /** All of them, in the place of those that it had. */
    members: z.array(principalNameSchema).max(MAX_MEMBERS).exactOptional(),
    owner: principalNameSchema.exactOptional(),
    properties: propertiesSchema.exactOptional(),
  })
  .refine((body) => Object.keys(body).length > 0, { error: 'must change something' });
export type UpdateImageBody = z.input<typeof updateImageBodySchema>;

const imageFileSchema = z.object({ file: z.string(), sizeBytes: z.number(), sha256: z.string() });

export const imageObject = z.object({
  id: z.string(),
  name: z.string(),
  status: z.enum(IMAGE_STATUSES),
  sizeBytes: z.number(),
  virtualSizeBytes: z.number(),
  createdAt: z.string(),
  description: z.string().nullable(),
  owner: z.string().nullable(),
  visibility: z.enum(IMAGE_VISIBILITIES),
  members: z.array(z.string()),
  protected: z.boolean(),
  minDiskGiB: z.number(),
  minMemoryMiB: z.number(),
  checksum: z.object({ algorithm: z.literal('sha256'), value: z.string().nullable() }),
  consistency: consistencySchema.nullable(),
  bootProof: z.object({ at: z.string(), hasBooted: z.boolean() }).nullable(),
  isEncrypted: z.boolean(),
  disks: z.array(
    z.object({
      target: z.string(),
      file: z.string(),
      format: z.enum(DISK_FORMATS),
      virtualSizeBytes: z.number(),
      sizeBytes: z.number(),
      sha256: z.string().nullable(),
    }),
  ),
  skippedDisks: z.array(
    z.object({
      target: z.string(),
      device: z.string(),
      reason: z.enum(['cdrom', 'floppy', 'readonly', 'shareable']),
    }),
  ),
  nvram: imageFileSchema.nullable(),
  tpm: z.array(imageFileSchema),
  properties: z.record(z.string(), z.string()),
});
export const imageSchema: z.ZodType<Image> = imageObject;

export const recycledImageSchema: z.ZodType<RecycledImage> = z.object({
  id: z.string(),
  image: imageSchema,
  sizeBytes: z.number(),
  deletedAt: z.string(),
  deletedBy: z.string().nullable(),
  expiresAt: z.string(),
});
