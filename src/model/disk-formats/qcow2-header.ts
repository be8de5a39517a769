import type { ByteReader } from './bytes.ts';

/** Of version 3, without extensions. */
export const QCOW2_HEADER_BYTES = 104;

// https://www.qemu.org/docs/master/interop/qcow2.html: header, incompatible features, header extensions
const OFFSETS = {
  version: 4,
  backingFileOffset: 8,
  backingFileSize: 16,
  clusterBits: 20,
  virtualSize: 24,
  encryption: 32,
  internalSnapshots: 60,
  incompatibleFeatures: 72,
  headerLength: 100,
} as const;
const EXTERNAL_DATA_FILE = 1 << 2;
const BACKING_FORMAT_EXTENSION = 0xe2792aca;
const LUKS_EXTENSION = 0x0537be77;
const LUKS = 2;
const EXTENSIONS: ReadonlyMap<number, string> = new Map([
  [0x44415441, 'it names an external data file'],
  [LUKS_EXTENSION, 'it is encrypted (LUKS)'],
]);
const MAX_BACKING_NAME_BYTES = 1023;
const VERSION_2_LENGTH = 72;
const MAX_EXTENSIONS = 64;

/** Of bytes in the file. */
interface Extent {
  readonly offset: number;
  readonly length: number;
}

export interface ExpectedLayer {
  /** As the header names it; read as qcow2. */
  readonly backingName: string | null;
  readonly isEncrypted: boolean;
  readonly virtualSizeBytes: number;
}

export interface Qcow2Facts {
  readonly clusterSizeBytes: number;
  /** Where the name of its backing file stands in the file; null: it has none. */
  readonly backingName: Extent | null;
}

/** What the first bytes of a qcow2 say, QCOW2_HEADER_BYTES or the whole of a shorter file; null when they are of none that QEMU opens. */
export function readQcow2Facts(bytes: ByteReader): Qcow2Facts | null {
  if ((judgeShape(bytes) ?? judgeClusters(bytes)) !== null) return null;
  const backingName = locateBackingName(bytes);
  if (backingName === 'unreadable') return null;
  return { clusterSizeBytes: 2 ** (bytes.uint32(OFFSETS.clusterBits) ?? 0), backingName };
}

/** Why a qcow2 header is not taken; null when it stands alone. */
export function judgeQcow2(bytes: ByteReader): string | null {
  return (
    judgeShape(bytes) ??
    judgeFields(bytes) ??
    judgeFeatures(bytes) ??
    findExtension(bytes, (type) => EXTENSIONS.get(type) ?? null)
  );
}

/** Why a qcow2 header is not the one that a layer of a chain should have; null when it is: it names that one file and no other. */
export function judgeQcow2Layer(bytes: ByteReader, expected: ExpectedLayer): string | null {
  return (
    judgeShape(bytes) ??
    judgeClusters(bytes) ??
    judgeSize(bytes, expected) ??
    judgeBackingName(bytes, expected) ??
    judgeEncryption(bytes, expected) ??
    judgeFeatures(bytes) ??
    judgeLayerExtensions(bytes, expected)
  );
}

function judgeShape(bytes: ByteReader): string | null {
  if (bytes.text(0, 4) !== 'QFI\xfb') return 'it is no qcow2 file: it does not begin as one';
  const version = bytes.uint32(OFFSETS.version);
  if (version !== 2 && version !== 3) return `its qcow2 version is ${version}; 2 and 3 are taken`;
  return bytes.length < (version === 3 ? QCOW2_HEADER_BYTES : VERSION_2_LENGTH) ? 'its header is cut off' : null;
}

function judgeFields(bytes: ByteReader): string | null {
  const clusters = judgeClusters(bytes);
  if (clusters !== null) return clusters;
  if (bytes.uint64(OFFSETS.backingFileOffset) !== 0) return 'it names a backing file';
  return bytes.uint32(OFFSETS.encryption) === 0 ? null : 'it is encrypted';
}

function judgeClusters(bytes: ByteReader): string | null {
  const clusterBits = bytes.uint32(OFFSETS.clusterBits) ?? 0;
  if (clusterBits < 9 || clusterBits > 21)
    return `its cluster size is 2^${clusterBits} bytes, which qcow2 does not know`;
  return null;
}

function judgeSize(bytes: ByteReader, { virtualSizeBytes }: ExpectedLayer): string | null {
  const seen = bytes.uint64(OFFSETS.virtualSize);
  if (seen !== virtualSizeBytes) return `its virtual size is ${seen} bytes instead of ${virtualSizeBytes}`;
  return bytes.uint32(OFFSETS.internalSnapshots) === 0 ? null : 'it holds internal snapshots';
}

function judgeBackingName(bytes: ByteReader, { backingName }: ExpectedLayer): string | null {
  const place = locateBackingName(bytes);
  if (place === null) return backingName === null ? null : `it names no backing file instead of ${backingName}`;
  const isRead = place !== 'unreadable' && place.offset + place.length <= bytes.length;
  const seen = isRead ? bytes.text(place.offset, place.length) : null;
  if (seen !== null && seen === backingName) return null;
  return `it names the backing file ${JSON.stringify(seen)} instead of ${backingName ?? 'none'}`;
}

function locateBackingName(bytes: ByteReader): Extent | 'unreadable' | null {
  const offset = bytes.uint64(OFFSETS.backingFileOffset);
  if (offset === 0) return null;
  const length = bytes.uint32(OFFSETS.backingFileSize) ?? 0;
  return offset === null || length > MAX_BACKING_NAME_BYTES ? 'unreadable' : { offset, length };
}

function judgeEncryption(bytes: ByteReader, { isEncrypted }: ExpectedLayer): string | null {
  const method = bytes.uint32(OFFSETS.encryption);
  if (method === (isEncrypted ? LUKS : 0)) return null;
  return isEncrypted ? 'it is not encrypted with LUKS, and should be' : 'it is encrypted, and should not be';
}

function judgeFeatures(bytes: ByteReader): string | null {
  if (bytes.uint32(OFFSETS.version) !== 3) return null;
  const lowBits = bytes.uint32(OFFSETS.incompatibleFeatures + 4) ?? 0;
  return (lowBits & EXTERNAL_DATA_FILE) === 0 ? null : 'it keeps its data in an external data file';
}

function judgeLayerExtensions(bytes: ByteReader, { backingName, isEncrypted }: ExpectedLayer): string | null {
  let backingFormat: string | null = null;
  const complaint = findExtension(bytes, (type, data) => {
    if (type === BACKING_FORMAT_EXTENSION) backingFormat = bytes.text(data.offset, data.length);
    return type === LUKS_EXTENSION && isEncrypted ? null : (EXTENSIONS.get(type) ?? null);
  });
  if (complaint !== null) return complaint;
  // without it QEMU would guess, and as raw the file below would be read byte for byte
  return backingName === null || backingFormat === 'qcow2' ? null : 'its backing file is not stated to be qcow2';
}

/** A type and a length of four bytes each, then the data, padded to eight bytes; type 0 ends them. */
function findExtension(bytes: ByteReader, judge: (type: number, data: Extent) => string | null): string | null {
  let offset = bytes.uint32(OFFSETS.version) === 3 ? (bytes.uint32(OFFSETS.headerLength) ?? 0) : VERSION_2_LENGTH;
  for (let index = 0; index < MAX_EXTENSIONS; index++) {
    const type = bytes.uint32(offset);
    const length = bytes.uint32(offset + 4);
    // beyond what was read nothing can be an extension: they end within the first cluster, or QEMU refuses the file
    if (type === null || length === null || type === 0) return null;
    const complaint = judge(type, { offset: offset + 8, length });
    if (complaint !== null) return complaint;
    offset += 8 + Math.ceil(length / 8) * 8;
  }
  return `its header has more than ${MAX_EXTENSIONS} extensions`;
}
