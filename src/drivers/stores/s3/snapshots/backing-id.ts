import { open } from 'node:fs/promises';
import { isUuid } from '../../documents/layout.ts';

const MAGIC = 'QFI\xfb';
const HEADER_BYTES = 20;
/** QEMU's own limit for the name. */
const MAX_NAME_BYTES = 1023;
const SUFFIX = '.qcow2';

/**
 * Id of the snapshot whose file a snapshot's has as its backing file, as its own header says
 * (https://www.qemu.org/docs/master/interop/qcow2.html, header: bytes 0-3 magic, 8-15 and 16-19 where the name is and how long).
 * null where it stands alone, or on what is no file beside it. Node's errors.
 */
export async function readBackingId(file: string): Promise<string | null> {
  const handle = await open(file, 'r');
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    const { bytesRead } = await handle.read(header, 0, HEADER_BYTES, 0);
    if (bytesRead < HEADER_BYTES || header.toString('latin1', 0, MAGIC.length) !== MAGIC) return null;
    const [offset, length] = [Number(header.readBigUInt64BE(8)), header.readUInt32BE(16)];
    if (offset === 0 || length === 0 || length > MAX_NAME_BYTES) return null;
    const name = Buffer.alloc(length);
    await handle.read(name, 0, length, offset);
    return parseName(name.toString('utf8'));
  } finally {
    await handle.close();
  }
}

function parseName(name: string): string | null {
  const id = name.endsWith(SUFFIX) ? name.slice(0, -SUFFIX.length) : '';
  return isUuid(id) ? id : null;
}
