import { createHash } from 'node:crypto';
import type { Image, ImageDisk } from './image.ts';

const GIB = 1024 ** 3;

/** Told by Darkroom itself: who could state them would lie about where an image comes from. */
export const RESERVED_PROPERTIES: ReadonlySet<string> = new Set([
  'image_type',
  'image_location',
  'image_state',
  'instance_uuid',
  'base_image_ref',
  'backup_type',
  'user_id',
  'owner_id',
]);

/** Signatures, keys and internals of another service: they belong to one file and are claimed for no other. */
const PRIVATE_PREFIXES = ['img_signature', 'signature_verified', 'cinder_encryption_key_', 'os_glance_'];

/** Properties that neither a request nor an import may state. */
export function isReservedProperty(key: string): boolean {
  const lowered = key.toLowerCase();
  return RESERVED_PROPERTIES.has(lowered) || PRIVATE_PREFIXES.some((prefix) => lowered.startsWith(prefix));
}

/**
 * What an image takes over from the one that its source was launched from: how it wants to be run, and nothing that
 * speaks of the old file (https://docs.openstack.org/nova/latest/configuration/config.html, non_inheritable_image_properties).
 */
export function inheritedProperties(base: Image | null): Readonly<Record<string, string>> {
  if (base === null) return {};
  const isInherited = ([key]: readonly [string, string]) => /^(hw|os)_/.test(key) && !isReservedProperty(key);
  return Object.fromEntries(Object.entries(base.properties).filter(isInherited));
}

/** One disk: its own SHA-256; several: that of the lines `<sha256>  <file>`, as sha256sum(1) prints them; null while one is unknown. */
export function imageChecksum(disks: readonly Pick<ImageDisk, 'file' | 'sha256'>[]): Image['checksum'] {
  const [first] = disks;
  if (first === undefined || disks.some((disk) => disk.sha256 === null)) return { algorithm: 'sha256', value: null };
  if (disks.length === 1) return { algorithm: 'sha256', value: first.sha256 };
  const hash = createHash('sha256');
  for (const disk of disks) hash.update(`${disk.sha256}  ${disk.file}\n`);
  return { algorithm: 'sha256', value: hash.digest('hex') };
}

export function summariseDisks(
  disks: readonly Pick<ImageDisk, 'sizeBytes' | 'virtualSizeBytes'>[],
): Pick<Image, 'sizeBytes' | 'virtualSizeBytes'> {
  return {
    sizeBytes: disks.reduce((sum, disk) => sum + disk.sizeBytes, 0),
    virtualSizeBytes: disks.reduce((sum, disk) => sum + disk.virtualSizeBytes, 0),
  };
}

/** At least the size of the first disk, and what the image below it asks for. */
export function minDiskGiB(disks: readonly Pick<ImageDisk, 'virtualSizeBytes'>[], base: Image | null): number {
  const rootGiB = Math.ceil((disks[0]?.virtualSizeBytes ?? 0) / GIB);
  return Math.max(rootGiB, base?.minDiskGiB ?? 0);
}

/** Whether its sums are still to be made. A shelved image is left alone: reading it would stand in the way of its unshelve. */
export function lacksChecksum(image: Pick<Image, 'status' | 'checksum' | 'properties'>): boolean {
  return image.status === 'active' && image.checksum.value === null && image.properties['image_type'] !== 'shelved';
}
