import { z } from 'zod';
import { ACHIEVED_CONSISTENCIES, REQUESTED_CONSISTENCIES } from '../../../model/consistency.ts';
import { DarkroomError } from '../../../model/errors.ts';
import { DISK_FORMATS, IMAGE_STATUSES, IMAGE_VISIBILITIES, type Image } from '../../../model/image.ts';
import { isSafeFileName } from './layout.ts';
import { parseDocument, requireReadable } from './parse-document.ts';

/** Manifests are a few KiB; a longer one was not written by us. */
export const MAX_MANIFEST_BYTES = 1024 * 1024;

const count = z.int().min(0);
const milliseconds = z.number().min(0);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'is not a SHA-256 in lower-case hex');
const fileName = z.string().refine(isSafeFileName, 'names a file outside of the image');

export const consistency = z.object({
  requested: z.enum(REQUESTED_CONSISTENCIES),
  achieved: z.enum(ACHIEVED_CONSISTENCIES),
  freezeMs: milliseconds,
  pauseMs: milliseconds,
  reason: z.string().exactOptional(),
});

const disk = z.object({
  target: z.string().min(1),
  file: fileName,
  format: z.enum(DISK_FORMATS),
  virtualSizeBytes: count,
  sizeBytes: count,
  sha256: sha256.nullable(),
});

const skippedDisk = z.object({
  target: z.string(),
  device: z.string(),
  reason: z.enum(['cdrom', 'floppy', 'readonly', 'shareable']),
});

const file = z.object({ file: fileName, sizeBytes: count, sha256 });

// Fields that we do not know are dropped, so that a later Darkroom may add some.
const manifest = z.object({
  version: z.literal(1),
  id: z.string(),
  name: z.string().min(1).max(1024),
  status: z.enum(IMAGE_STATUSES),
  sizeBytes: count,
  virtualSizeBytes: count,
  createdAt: z.iso.datetime(),
  description: z.string().nullable(),
  owner: z.string().nullable(),
  visibility: z.enum(IMAGE_VISIBILITIES),
  // younger than the first manifests
  members: z.array(z.string()).default([]),
  protected: z.boolean(),
  minDiskGiB: count,
  minMemoryMiB: count,
  checksum: z.object({ algorithm: z.literal('sha256'), value: sha256.nullable() }),
  consistency: consistency.nullable(),
  // younger than the first manifests
  bootProof: z.object({ at: z.iso.datetime(), hasBooted: z.boolean() }).nullable().default(null),
  // younger than the first manifests
  isEncrypted: z.boolean().default(false),
  disks: z.array(disk).min(1),
  skippedDisks: z.array(skippedDisk),
  nvram: file.nullable(),
  tpm: z.array(file),
  properties: z.record(z.string(), z.string()),
});

/**
 * The image that a manifest describes. IMAGE_DAMAGED when it is not JSON, lacks what we rely on, belongs to another
 * folder, or names a file twice or outside of the image's folder.
 */
export function parseManifest(text: string, imageId: string): Image {
  const facts = { name: 'manifest', damaged: (reason: string) => damaged(imageId, reason) } as const;
  const { version: _, ...image } = parseDocument(text, manifest, facts);
  if (image.id !== imageId) throw damaged(imageId, `its manifest is that of ${JSON.stringify(image.id)}`);
  const files = listFiles(image);
  if (new Set(files).size !== files.length) throw damaged(imageId, 'its manifest names a file twice');
  return image;
}

/** The document to store; INTERNAL for an image that we would refuse to read back. */
export function serialiseManifest(image: Image): string {
  const text = `${JSON.stringify({ version: 1, ...image }, null, 2)}\n`;
  requireReadable(`the manifest of image ${image.id}`, () => parseManifest(text, image.id));
  return text;
}

/** Every file that an image's manifest names, with its length. */
export function listFiles(image: Image): readonly string[] {
  const nvram = image.nvram === null ? [] : [image.nvram];
  return [...image.disks, ...nvram, ...image.tpm].map((entry) => entry.file);
}

export function damaged(imageId: string, reason: string): DarkroomError {
  const message = `Image ${imageId} is damaged: ${reason}. Restore the file from a copy of the store, or delete the image`;
  return new DarkroomError('IMAGE_DAMAGED', message, { fields: { imageId, reason } });
}
