import type { Consistency } from './consistency.ts';

/** queued and saving are drafts of a running operation; error: the image failed a verify. */
export const IMAGE_STATUSES = ['queued', 'saving', 'active', 'deleting', 'error'] as const;
export type ImageStatus = (typeof IMAGE_STATUSES)[number];

export const IMAGE_TYPES = ['snapshot', 'backup', 'shelved', 'imported'] as const;
export type ImageType = (typeof IMAGE_TYPES)[number];

export const IMAGE_VISIBILITIES = ['private', 'shared', 'public'] as const;
export type ImageVisibility = (typeof IMAGE_VISIBILITIES)[number];

export const DISK_FORMATS = ['qcow2', 'raw'] as const;
export type DiskFormat = (typeof DISK_FORMATS)[number];

export interface ImageDisk {
  /** libvirt target of the disk in its instance: vda, sdb … */
  readonly target: string;
  /** File name inside the image's folder. */
  readonly file: string;
  readonly format: DiskFormat;
  readonly virtualSizeBytes: number;
  /** Length of the file in bytes. */
  readonly sizeBytes: number;
  /** Lower-case hex; null while a cloned or moved file has not been hashed yet. */
  readonly sha256: string | null;
}

/** A disk of the source that is not part of the image, and why. */
export interface SkippedDisk {
  readonly target: string;
  readonly device: string;
  readonly reason: 'cdrom' | 'floppy' | 'readonly' | 'shareable';
}

/** A file of an image that is not a disk: firmware variables, TPM state. */
export interface ImageFile {
  /** Path inside the image's folder. */
  readonly file: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** What came of booting an image from a throw-away overlay. */
export interface BootProof {
  /** RFC 3339, UTC. */
  readonly at: string;
  readonly hasBooted: boolean;
}

/** A bootable, standalone, immutable image, as `manifest.json` holds it and `--json` prints it. */
export interface Image {
  readonly id: string;
  readonly name: string;
  readonly status: ImageStatus;
  /** Sum of the lengths of its disk files. */
  readonly sizeBytes: number;
  /** Sum of the virtual sizes of its disks. */
  readonly virtualSizeBytes: number;
  /** RFC 3339, UTC. */
  readonly createdAt: string;
  readonly description: string | null;
  readonly owner: string | null;
  readonly visibility: ImageVisibility;
  /** Principals that a shared image is shared with. */
  readonly members: readonly string[];
  readonly protected: boolean;
  readonly minDiskGiB: number;
  readonly minMemoryMiB: number;
  /** Of the first disk's file when there is one disk, else of the lines `<sha256>  <file>` of all disks in order. */
  readonly checksum: { readonly algorithm: 'sha256'; readonly value: string | null };
  /** null for imported images: nobody knows. */
  readonly consistency: Consistency | null;
  /** The last try; null: never tried. */
  readonly bootProof: BootProof | null;
  /** Every disk is a LUKS-encrypted qcow2; what else is in the image is not encrypted. */
  readonly isEncrypted: boolean;
  readonly disks: readonly ImageDisk[];
  readonly skippedDisks: readonly SkippedDisk[];
  /** UEFI variables, one `nvram.fd` (or another extension where the source's is qcow2). */
  readonly nvram: ImageFile | null;
  /** Files of the emulated TPM's state below `tpm/`. */
  readonly tpm: readonly ImageFile[];
  /** Glance property names: image_type, instance_uuid, base_image_ref, image_location, hw_*, os_* … and the caller's own. */
  readonly properties: Readonly<Record<string, string>>;
}

/** Names of files at the top of an image's folder. */
export const DOMAIN_XML_FILE = 'domain.xml';
export const NVRAM_FILE = 'nvram.fd';
export const TPM_FOLDER = 'tpm';

/** Which instance, on which host, has an image's disk as its backing file. */
export interface ImageUser {
  readonly instanceId: string;
  readonly instanceName: string;
  readonly host: string;
  readonly since: string;
}
