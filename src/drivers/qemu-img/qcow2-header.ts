import { type FileHandle, open } from 'node:fs/promises';
import { readBytes } from '../../model/disk-formats/bytes.ts';
import { QCOW2_HEADER_BYTES, type Qcow2Facts, readQcow2Facts } from '../../model/disk-formats/qcow2-header.ts';
import { DarkroomError } from '../../model/errors.ts';

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
    const facts = readQcow2Facts(readBytes(await readAt(file, { offset: 0, length: QCOW2_HEADER_BYTES })));
    if (facts === null) throw notQcow2(path);
    return { clusterSizeBytes: facts.clusterSizeBytes, backingName: await readName(file, path, facts.backingName) };
  } finally {
    await file.close();
  }
}

async function readName(file: FileHandle, path: string, place: Qcow2Facts['backingName']): Promise<string | null> {
  if (place === null) return null;
  const name = await readAt(file, place);
  if (name.length < place.length) throw notQcow2(path);
  return name.toString('utf8');
}

/** Fewer bytes where the file ends. */
async function readAt(
  file: FileHandle,
  { offset, length }: { readonly offset: number; readonly length: number },
): Promise<Buffer> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, offset);
  return buffer.subarray(0, bytesRead);
}

function notQcow2(path: string): DarkroomError {
  return new DarkroomError('QEMU_IMG_FAILED', `${path} does not begin as a qcow2 does`, {
    fields: { subcommand: 'info', disk: path, exitCode: null },
  });
}
