import type { ImportFormat } from '../requests.ts';
import { type ByteReader, readBytes } from './bytes.ts';

/** How much of a file's beginning recognition and the header rules look at. */
export const HEAD_BYTES = 192 * 1024;

export type Recognition =
  | { readonly kind: 'known'; readonly format: ImportFormat }
  /** Something that is not a disk, or a format that is not taken: what it is, and what to do. */
  | { readonly kind: 'refused'; readonly what: string; readonly remedy: string }
  | { readonly kind: 'unknown' };

const CONVERT = 'Convert it with qemu-img on a machine where it may do no harm.';
const UNPACK = 'Unpack it and import the disk that is inside.';

interface Signature {
  readonly offset: number;
  readonly magic: string;
}

const FORMATS: readonly (Signature & { readonly format: ImportFormat })[] = [
  { offset: 0, magic: 'QFI\xfb', format: 'qcow2' },
  { offset: 0, magic: 'KDMV', format: 'vmdk' },
  { offset: 0, magic: '# Disk DescriptorFile', format: 'vmdk' },
  { offset: 0x40, magic: '\x7f\x10\xda\xbe', format: 'vdi' },
  { offset: 0, magic: 'vhdxfile', format: 'vhdx' },
];

const STRANGERS: readonly (Signature & { readonly what: string; readonly remedy: string })[] = [
  { offset: 0, magic: 'QED\0', what: 'a QED disk', remedy: CONVERT },
  { offset: 0, magic: 'COWD', what: 'an old VMware disk (COWD)', remedy: CONVERT },
  { offset: 0, magic: 'conectix', what: 'a VHD disk', remedy: CONVERT },
  { offset: 0, magic: 'WithoutFreeSpace', what: 'a Parallels disk', remedy: CONVERT },
  { offset: 0, magic: 'WithouFreSpacExt', what: 'a Parallels disk', remedy: CONVERT },
  {
    offset: 0,
    magic: 'LUKS\xba\xbe',
    what: 'an encrypted disk (LUKS)',
    remedy: 'State --format raw to take it as it is.',
  },
  { offset: 0, magic: '\x1f\x8b', what: 'a gzip file', remedy: UNPACK },
  { offset: 0, magic: '\xfd7zXZ\0', what: 'an xz file', remedy: UNPACK },
  { offset: 0, magic: '\x28\xb5\x2f\xfd', what: 'a zstd file', remedy: UNPACK },
  { offset: 0, magic: 'BZh', what: 'a bzip2 file', remedy: UNPACK },
  { offset: 0, magic: 'PK\x03\x04', what: 'a zip file', remedy: UNPACK },
  { offset: 0, magic: "7z\xbc\xaf'\x1c", what: 'a 7z file', remedy: UNPACK },
  { offset: 257, magic: 'ustar', what: 'a tar file (an OVA is one)', remedy: UNPACK },
];

/** What a raw disk looks like: a partition table or boot sector, or a file system on the whole disk. */
const RAW_SIGNATURES: readonly Signature[] = [
  { offset: 510, magic: '\x55\xaa' },
  { offset: 512, magic: 'EFI PART' },
  { offset: 0x8001, magic: 'CD001' },
  { offset: 0x438, magic: '\x53\xef' },
  { offset: 0, magic: 'XFSB' },
  { offset: 0x10040, magic: '_BHRfS_M' },
  { offset: 512, magic: 'LABELONE' },
];

/**
 * Tells a disk's format from its first bytes, read by ourselves: probing by QEMU would open what a header names, and
 * takes a guest's raw disk for whatever the guest wrote there.
 */
export function recogniseFormat(head: Uint8Array): Recognition {
  const bytes = readBytes(head);
  const known = FORMATS.find((signature) => matches(bytes, signature));
  if (known !== undefined) return { kind: 'known', format: known.format };
  const stranger = STRANGERS.find((signature) => matches(bytes, signature));
  if (stranger !== undefined) return { kind: 'refused', what: stranger.what, remedy: stranger.remedy };
  if (RAW_SIGNATURES.some((signature) => matches(bytes, signature))) return { kind: 'known', format: 'raw' };
  return { kind: 'unknown' };
}

function matches(bytes: ByteReader, { offset, magic }: Signature): boolean {
  return bytes.text(offset, magic.length) === magic;
}
