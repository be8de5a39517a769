import { type FileHandle, open } from 'node:fs/promises';
import { DarkroomError } from '../../../../model/errors.ts';
import type { Part } from './part-plan.ts';

/** A file that is uploaded: what it was when the upload began must be what it is at the end. */
export interface SourceFile extends AsyncDisposable {
  readonly path: string;
  readonly sizeBytes: number;
  /** Fills the beginning of the buffer, and returns that. */
  read(part: Part, buffer: Buffer): Promise<Buffer>;
  /** STORE_WRITE_FAILED when somebody wrote to it. */
  assertUnchanged(): Promise<void>;
}

/** STORE_WRITE_FAILED when it cannot be read. */
export async function openSource(path: string): Promise<SourceFile> {
  const handle = await open(path, 'r').catch((error: unknown) => {
    throw unreadable(path, error);
  });
  const before = await handle.stat({ bigint: true });
  const sizeBytes = Number(before.size);
  return {
    path,
    sizeBytes,
    read: (part, buffer) => readPart(handle, { part, buffer, path }),
    assertUnchanged: async () => {
      const now = await handle.stat({ bigint: true });
      if (now.size !== before.size || now.mtimeNs !== before.mtimeNs) throw changed(path);
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

async function readPart(
  handle: FileHandle,
  { part, buffer, path }: { readonly part: Part; readonly buffer: Buffer; readonly path: string },
): Promise<Buffer> {
  let filled = 0;
  while (filled < part.lengthBytes) {
    const wanted = part.lengthBytes - filled;
    const { bytesRead } = await handle
      .read(buffer, filled, wanted, part.offsetBytes + filled)
      .catch((error: unknown) => {
        throw unreadable(path, error);
      });
    if (bytesRead === 0) throw changed(path);
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

function changed(path: string): DarkroomError {
  const message = `${path} changed while it was uploaded: nothing was stored; try again when nobody writes to it`;
  return new DarkroomError('STORE_WRITE_FAILED', message, { fields: { path } });
}

function unreadable(path: string, cause: unknown): DarkroomError {
  const seen = cause instanceof Error ? cause.message : String(cause);
  return new DarkroomError('STORE_WRITE_FAILED', `Cannot read ${path} to upload it: ${seen}`, {
    fields: { path },
    cause,
  });
}
