import type { ByteReader } from './bytes.ts';

const SIGNATURE_OFFSET = 0x40;
const SIGNATURE = 0xbeda107f;
const TYPE_OFFSET = 0x4c;
const DYNAMIC = 1;
const FIXED = 2;

/** VirtualBox disks: fixed and growing ones stand alone, differencing and undo ones do not (VirtualBox, VDICore.h). */
export function judgeVdi(bytes: ByteReader): string | null {
  if (bytes.uint32(SIGNATURE_OFFSET, 'little') !== SIGNATURE) return 'it is no VDI file: it does not begin as one';
  const type = bytes.uint32(TYPE_OFFSET, 'little');
  if (type === DYNAMIC || type === FIXED) return null;
  return `it is a VDI file of type ${type}, which needs another file; types 1 and 2 stand alone`;
}
