import type { ByteReader } from './bytes.ts';

// Virtual Disk Format 5.0 (VMware): the sparse extent header, little-endian, sizes in sectors of 512 bytes
const OFFSETS = { capacity: 12, descriptor: 28, descriptorSize: 36 } as const;
const SECTOR_BYTES = 512;
const MAX_DESCRIPTOR_BYTES = 64 * 1024;
const STANDALONE_TYPES = ['monolithicsparse', 'streamoptimized'];
const NO_PARENT = 'ffffffff';

/** Why a VMDK is not taken; null when all its data lies in this one file. */
export function judgeVmdk(bytes: ByteReader): string | null {
  if (bytes.text(0, 21) === '# Disk DescriptorFile') return 'it is a text that names the files with the data';
  if (bytes.text(0, 4) !== 'KDMV') return 'it is no VMDK file: it does not begin as one';
  const capacity = bytes.uint64(OFFSETS.capacity, 'little');
  // without a capacity QEMU takes the embedded text for a list of files to open
  if (capacity === null || capacity === 0) return 'its header states no capacity, so that its data would be elsewhere';
  const offset = (bytes.uint64(OFFSETS.descriptor, 'little') ?? 0) * SECTOR_BYTES;
  const length = (bytes.uint64(OFFSETS.descriptorSize, 'little') ?? 0) * SECTOR_BYTES;
  if (length > MAX_DESCRIPTOR_BYTES || offset + length > bytes.length)
    return 'its descriptor is too long, or too far into the file, to be looked at';
  return judgeDescriptor(bytes.text(offset, length).split('\0')[0] ?? '');
}

function judgeDescriptor(text: string): string | null {
  if (text === '') return 'it is one part of a disk that has several';
  const type = readValue(text, 'createType')?.toLowerCase();
  if (type === undefined || !STANDALONE_TYPES.includes(type)) {
    return `its type is ${JSON.stringify(type ?? 'unknown')}; monolithicSparse and streamOptimized stand alone`;
  }
  if (text.includes('parentFileNameHint')) return 'it names a parent file';
  const parent = readValue(text, 'parentCID')?.toLowerCase();
  if (parent !== undefined && parent !== NO_PARENT) return `it states a parent (${parent})`;
  const extents = text.split(/\r?\n/).filter((line) => /^\s*(RW|RDONLY|NOACCESS)\s/i.test(line));
  return extents.length === 1 ? null : `it lists ${extents.length} extents; exactly one, itself, is taken`;
}

function readValue(text: string, key: string): string | undefined {
  const match = new RegExp(`^\\s*${key}\\s*=\\s*"?([^"\\r\\n]*?)"?\\s*$`, 'im').exec(text);
  return match?.[1];
}
