import { z } from 'zod';
import { ACHIEVED_CONSISTENCIES, REQUESTED_CONSISTENCIES } from '../model/consistency.ts';
import { DISK_FORMATS } from '../model/image.ts';

/** Name of the file that describes an exported folder. */
export const EXPORT_MANIFEST_FILE = 'manifest.json';
export const MAX_EXPORT_MANIFEST_BYTES = 1024 ** 2;

const count = z.int().min(0);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
/** At most three plain names deep, none of them hidden or `..`: nothing else becomes a path. */
const fileName = z
  .string()
  .regex(/^(?:[A-Za-z0-9_][A-Za-z0-9._-]{0,199})(?:\/[A-Za-z0-9_][A-Za-z0-9._-]{0,199}){0,2}$/);
const file = z.object({ file: fileName, sizeBytes: count, sha256 });

const disk = z.object({
  target: z.string().regex(/^[a-z]{2,3}[a-z0-9]{1,4}$/),
  file: fileName,
  format: z.enum(DISK_FORMATS),
  virtualSizeBytes: count,
  sizeBytes: count,
  sha256,
});

const consistency = z.object({
  requested: z.enum(REQUESTED_CONSISTENCIES),
  achieved: z.enum(ACHIEVED_CONSISTENCIES),
  freezeMs: z.number().min(0),
  pauseMs: z.number().min(0),
  reason: z.string().exactOptional(),
});

/** What an exported folder says of itself: the image's record with the files as they lie in the folder. */
export const exportManifestSchema = z.object({
  darkroomExport: z.literal(1),
  name: z.string().min(1).max(1024),
  description: z.string().max(65536).nullable(),
  createdAt: z.iso.datetime(),
  minDiskGiB: count,
  minMemoryMiB: count,
  consistency: consistency.nullable(),
  disks: z.array(disk).min(1).max(26),
  skippedDisks: z.array(
    z.object({
      target: z.string(),
      device: z.string(),
      reason: z.enum(['cdrom', 'floppy', 'readonly', 'shareable']),
    }),
  ),
  nvram: file.extend({ file: z.string().regex(/^nvram\.[a-z0-9]{1,10}$/) }).nullable(),
  tpm: z.array(file.extend({ file: fileName.startsWith('tpm/') })).max(100),
  domainXml: file.extend({ file: z.string().regex(/^domain\.xml$/) }).nullable(),
  properties: z.record(z.string(), z.string()),
});

export type ExportManifest = z.infer<typeof exportManifestSchema>;
export type ExportedFile = z.infer<typeof file>;
