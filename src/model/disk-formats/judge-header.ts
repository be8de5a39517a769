import type { ImportFormat } from '../requests.ts';
import { readBytes } from './bytes.ts';
import { judgeQcow2 } from './qcow2-header.ts';
import { judgeVdi } from './vdi-header.ts';
import { judgeVmdk } from './vmdk-header.ts';

/** No guest has a larger disk, and a header that claims one wants to exhaust us. */
const MAX_VIRTUAL_SIZE_BYTES = 64 * 1024 ** 4;

/**
 * Why a file of a stated format is not taken, from its first bytes alone, before QEMU opens it: it names other files,
 * needs a key, or is not of that format. null: nothing stands against it so far.
 */
export function judgeHeader(format: ImportFormat, head: Uint8Array): string | null {
  const bytes = readBytes(head);
  switch (format) {
    case 'qcow2':
      return judgeQcow2(bytes);
    case 'vmdk':
      return judgeVmdk(bytes);
    case 'vdi':
      return judgeVdi(bytes);
    case 'vhdx':
      return bytes.text(0, 8) === 'vhdxfile' ? null : 'it is no VHDX file: it does not begin as one';
    case 'raw':
      return null;
    default: {
      const never: never = format;
      return never;
    }
  }
}

export function judgeVirtualSize(virtualSizeBytes: number): string | null {
  if (virtualSizeBytes <= 0) return 'its disk has no bytes at all';
  if (virtualSizeBytes > MAX_VIRTUAL_SIZE_BYTES)
    return `it claims a disk of ${virtualSizeBytes} bytes, more than 64 TiB`;
  return null;
}
