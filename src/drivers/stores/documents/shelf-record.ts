import path from 'node:path';
import { z } from 'zod';
import { DarkroomError } from '../../../model/errors.ts';
import { DISK_FORMATS } from '../../../model/image.ts';
import { judgeLabel } from '../../../model/labels.ts';
import { SHELF_STATES, SHELVABLE_POWER_STATES, type ShelvedInstance } from '../../../model/shelved-instance.ts';
import { isSafeFileName, isUuid } from './layout.ts';
import { parseDocument, requireReadable } from './parse-document.ts';

/** Records are a few KiB; a longer one was not written by us. */
export const MAX_RECORD_BYTES = 1024 * 1024;

const MAX_PATH_LENGTH = 4096;
const MAX_ID = 0xffff_fffe;

const count = z.int().min(0);
const text = z.string().min(1).max(1024);
const uuid = z.string().refine(isUuid, 'is not a UUID in lower case');
const fileName = z.string().refine(isSafeFileName, 'names a file outside of the image');
export const hostPath = z.string().refine(isPlainHostPath, 'is not an absolute path without detours');
const plainName = z.string().refine(isPlainName, 'is not a plain file name');
export const deviceName = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'is not the name of a disk');
const mac = z.string().regex(/^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$/, 'is not a MAC address');

const ownership = z.strictObject({
  uid: count.max(MAX_ID),
  gid: count.max(MAX_ID),
  mode: count.max(0o7777),
});

const imageFile = { file: fileName, sizeBytes: count, sha256: z.string().regex(/^[0-9a-f]{64}$/, 'is not a SHA-256') };

const disk = z.strictObject({
  target: deviceName,
  path: hostPath,
  format: z.enum(DISK_FORMATS),
  virtualSizeBytes: count,
  ownership,
  basePath: hostPath.nullable(),
  inode: count,
  sizeBytes: count,
  modifiedMs: z.number(),
});

const reservation = z.strictObject({
  network: text,
  mac,
  address: z.union([z.ipv4(), z.ipv6()]),
  name: text.nullable(),
});

const labels = z
  .record(z.string(), z.string())
  .refine((found) => Object.entries(found).every(([key, value]) => judgeLabel(key, value) === null), 'are no labels');

// Strict, unlike a manifest: what we do not know we would lose when we write it again or bring the machine back.
const record = z.strictObject({
  version: z.literal(1),
  id: uuid,
  name: text,
  state: z.enum(SHELF_STATES),
  host: text,
  shelvedAt: z.iso.datetime(),
  imageId: uuid,
  isImageDeferred: z.boolean(),
  powerState: z.enum(SHELVABLE_POWER_STATES),
  isAutostart: z.boolean(),
  vcpus: count,
  memoryMiB: count,
  macs: z.array(mac),
  disks: z.array(disk),
  files: z.array(z.strictObject({ ...imageFile, path: hostPath, ownership })),
  memory: z.strictObject(imageFile).nullable(),
  checkpoints: z.array(z.strictObject({ name: text, file: fileName })),
  reservations: z.array(reservation),
  // younger than the first records
  owner: text.nullable().default(null),
  labels: labels.default({}),
  made: z.strictObject({ imageId: uuid, folder: hostPath, files: z.array(plainName) }).nullable(),
});

/**
 * The shelved instance that a record describes. SHELF_DAMAGED when it is not JSON, is not exactly what we write, belongs
 * to another id, names anything outside of the image's folder, a host's file by a path with detours, or one thing twice.
 */
export function parseShelfRecord(content: string, instanceId: string): ShelvedInstance {
  const facts = { name: 'record', damaged: (reason: string) => shelfDamaged(instanceId, reason) } as const;
  const instance: ShelvedInstance = parseDocument(content, record, facts);
  if (instance.id !== instanceId) throw shelfDamaged(instanceId, `its record is that of ${instance.id}`);
  const twice = findTwice(instance);
  if (twice !== null) throw shelfDamaged(instanceId, `its record names ${twice} twice`);
  return instance;
}

/** The document to store; INTERNAL for an instance that we would refuse to read back. */
export function serialiseShelfRecord(instance: ShelvedInstance): string {
  const content = `${JSON.stringify(instance, null, 2)}\n`;
  requireReadable(`the record of shelved instance ${instance.id}`, () => {
    if (content.length > MAX_RECORD_BYTES) throw new Error(`it has more than ${MAX_RECORD_BYTES} characters`);
    parseShelfRecord(content, instance.id);
  });
  return content;
}

export function shelfDamaged(instanceId: string, reason: string): DarkroomError {
  const message = `The shelved instance ${instanceId} is damaged: ${reason}. Restore its record from a copy of the store; its image is not touched`;
  return new DarkroomError('SHELF_DAMAGED', message, { fields: { instanceId, reason } });
}

function isPlainHostPath(value: string): boolean {
  if (value.length > MAX_PATH_LENGTH || value === '/' || value.endsWith('/') || hasControls(value)) return false;
  return path.isAbsolute(value) && path.normalize(value) === value;
}

function isPlainName(value: string): boolean {
  return value !== '' && value !== '.' && value !== '..' && !value.includes('/') && !hasControls(value);
}

function hasControls(value: string): boolean {
  return /\p{Cc}/u.test(value);
}

/** Two entries for one place would overwrite each other. */
function findTwice({ disks, files, memory, checkpoints }: ShelvedInstance): string | null {
  const imageFiles = [...files, ...checkpoints, ...(memory === null ? [] : [memory])].map(({ file }) => file);
  const lists = [disks.map(({ target }) => target), [...disks, ...files].map((entry) => entry.path), imageFiles];
  for (const list of lists) {
    const twice = list.find((entry, index) => list.indexOf(entry) !== index);
    if (twice !== undefined) return twice;
  }
  return null;
}
