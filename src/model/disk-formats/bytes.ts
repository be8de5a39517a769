/** Reads fixed fields out of the first bytes of a file; null beyond their end. */
export interface ByteReader {
  readonly length: number;
  uint32(offset: number, order?: 'big' | 'little'): number | null;
  /** null too where it is more than a number can say exactly. */
  uint64(offset: number, order?: 'big' | 'little'): number | null;
  /** Latin-1, so that every byte is one character. */
  text(offset: number, length: number): string;
}

export function readBytes(bytes: Uint8Array): ByteReader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fits = (offset: number, length: number): boolean => offset >= 0 && offset + length <= bytes.byteLength;
  return {
    length: bytes.byteLength,
    uint32: (offset, order = 'big') => (fits(offset, 4) ? view.getUint32(offset, order === 'little') : null),
    uint64: (offset, order = 'big') => {
      if (!fits(offset, 8)) return null;
      const value = Number(view.getBigUint64(offset, order === 'little'));
      return Number.isSafeInteger(value) ? value : null;
    },
    text: (offset, length) => String.fromCharCode(...bytes.subarray(offset, offset + length)),
  };
}
