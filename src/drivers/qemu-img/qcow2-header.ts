import { type FileHandle, open } from 'node:fs/promises';
import { DarkroomError } from '../../model/errors.ts';

const MAGIC = 0x514649fb;
const FIXED_BYTES = 72;
const BACKING_OFFSET_AT = 8;
const BACKING_LENGTH_AT = 16;
const CLUSTER_BITS_AT = 20;
const MIN_CLUSTER_BITS = 9;
const MAX_CLUSTER_BITS = 21;
const MAX_NAME_BYTES = 1023;

export interface Qcow2Header {
  readonly clusterSizeBytes: number;
  /** As it stands there; null: none. */
  readonly backingName: string | null;
}

/**
 * What the header of a qcow2 says, by two reads and no process; bytes. QEMU_IMG_FAILED for what is none, Node's errors where it cannot
 * be read. https://www.qemu.org/docs/master/interop/qcow2.html
 */
export async function readQcow2Header(path: string): Promise<Qcow2Header> {
  const file = await open(path, 'r');
  try {
    const fixed = await readAt(file, { path, offset: 0, length: FIXED_BYTES });
    const clusterBits = fixed.readUInt32BE(CLUSTER_BITS_AT);
    const isPlausible = clusterBits >= MIN_CLUSTER_BITS && clusterBits <= MAX_CLUSTER_BITS;
    if (fixed.readUInt32BE(0) !== MAGIC || !isPlausible) throw notQcow2(path);
    return { clusterSizeBytes: 2 ** clusterBits, backingName: await readBacking(file, path, fixed) };
  } finally {
    await file.close();
  }
}

async function readBacking(file: FileHandle, path: string, fixed: Buffer): Promise<string | null> {
  const offset = Number(fixed.readBigUInt64BE(BACKING_OFFSET_AT));
  const length = fixed.readUInt32BE(BACKING_LENGTH_AT);
  if (offset === 0) return null;
  if (length > MAX_NAME_BYTES) throw notQcow2(path);
  return (await readAt(file, { path, offset, length })).toString('utf8');
}

interface Piece {
  readonly path: string;
  readonly offset: number;
  readonly length: number;
}

async function readAt(file: FileHandle, { path, offset, length }: Piece): Promise<Buffer> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, offset);
  if (bytesRead < length) throw notQcow2(path);
  return buffer;
}

function notQcow2(path: string): DarkroomError {
  return new DarkroomError('QEMU_IMG_FAILED', `${path} does not begin as a qcow2 does`, {
    fields: { subcommand: 'info', disk: path, exitCode: null },
  });
}
