import type { ByteReader } from './bytes.ts';

// https://www.qemu.org/docs/master/interop/qcow2.html: header, incompatible features, header extensions
const OFFSETS = {
  version: 4,
  backingFileOffset: 8,
  clusterBits: 20,
  encryption: 32,
  incompatibleFeatures: 72,
  headerLength: 100,
} as const;
const EXTERNAL_DATA_FILE = 1 << 2;
const EXTENSIONS: ReadonlyMap<number, string> = new Map([
  [0x44415441, 'it names an external data file'],
  [0x0537be77, 'it is encrypted (LUKS)'],
]);
const VERSION_2_LENGTH = 72;
const VERSION_3_LENGTH = 104;
const MAX_EXTENSIONS = 64;

/** Why a qcow2 header is not taken; null when it stands alone. */
export function judgeQcow2(bytes: ByteReader): string | null {
  if (bytes.text(0, 4) !== 'QFI\xfb') return 'it is no qcow2 file: it does not begin as one';
  const version = bytes.uint32(OFFSETS.version);
  if (version !== 2 && version !== 3) return `its qcow2 version is ${version}; 2 and 3 are taken`;
  if (bytes.length < (version === 3 ? VERSION_3_LENGTH : VERSION_2_LENGTH)) return 'its header is cut off';
  return (
    judgeFields(bytes) ??
    (version === 3 ? judgeFeatures(bytes) : null) ??
    judgeExtensions(bytes, version === 3 ? (bytes.uint32(OFFSETS.headerLength) ?? 0) : VERSION_2_LENGTH)
  );
}

function judgeFields(bytes: ByteReader): string | null {
  const clusterBits = bytes.uint32(OFFSETS.clusterBits) ?? 0;
  if (clusterBits < 9 || clusterBits > 21)
    return `its cluster size is 2^${clusterBits} bytes, which qcow2 does not know`;
  if (bytes.uint64(OFFSETS.backingFileOffset) !== 0) return 'it names a backing file';
  if (bytes.uint32(OFFSETS.encryption) !== 0) return 'it is encrypted';
  return null;
}

function judgeFeatures(bytes: ByteReader): string | null {
  const lowBits = bytes.uint32(OFFSETS.incompatibleFeatures + 4) ?? 0;
  return (lowBits & EXTERNAL_DATA_FILE) === 0 ? null : 'it keeps its data in an external data file';
}

/** A type and a length of four bytes each, then the data, padded to eight bytes; type 0 ends them. */
function judgeExtensions(bytes: ByteReader, start: number): string | null {
  let offset = start;
  for (let index = 0; index < MAX_EXTENSIONS; index++) {
    const type = bytes.uint32(offset);
    const length = bytes.uint32(offset + 4);
    // beyond what was read nothing can be an extension: they end within the first cluster, or QEMU refuses the file
    if (type === null || length === null || type === 0) return null;
    const complaint = EXTENSIONS.get(type);
    if (complaint !== undefined) return complaint;
    offset += 8 + Math.ceil(length / 8) * 8;
  }
  return `its header has more than ${MAX_EXTENSIONS} extensions`;
}
