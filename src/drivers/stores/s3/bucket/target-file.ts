import { type FileHandle, open } from 'node:fs/promises';
import { DarkroomError } from '../../../../model/errors.ts';

/** Runs of zeros as long as that are left out: the file was made as long as it will be before. */
const BLOCK_BYTES = 64 * 1024;
const ZEROS = Buffer.alloc(BLOCK_BYTES);

/** A file that is filled from several sides. */
export interface TargetFile extends AsyncDisposable {
  /** Zeros become holes. */
  write(content: Buffer, offsetBytes: number): Promise<void>;
  sync(): Promise<void>;
}

/** Of a file that is there and empty. NO_SPACE, STORE_WRITE_FAILED. */
export async function openTarget(path: string, sizeBytes: number): Promise<TargetFile> {
  const handle = await withFileErrors(path, () => open(path, 'r+'));
  const close = (): Promise<void> => handle.close();
  try {
    await withFileErrors(path, () => handle.truncate(sizeBytes));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    write: (content, offsetBytes) => withFileErrors(path, () => writeData(handle, content, offsetBytes)),
    sync: () => withFileErrors(path, () => handle.sync()),
    [Symbol.asyncDispose]: close,
  };
}

async function writeData(handle: FileHandle, content: Buffer, offsetBytes: number): Promise<void> {
  for (const { start, end } of dataRanges(content)) {
    for (let at = start; at < end; ) {
      const { bytesWritten } = await handle.write(content, at, end - at, offsetBytes + at);
      at += bytesWritten;
    }
  }
}

/** Where it is not zeros, in whole blocks. */
export function dataRanges(content: Buffer): readonly { readonly start: number; readonly end: number }[] {
  const ranges: { start: number; end: number }[] = [];
  for (let start = 0; start < content.length; start += BLOCK_BYTES) {
    const end = Math.min(start + BLOCK_BYTES, content.length);
    if (content.compare(ZEROS, 0, end - start, start, end) === 0) continue;
    const last = ranges.at(-1);
    if (last?.end === start) last.end = end;
    else ranges.push({ start, end });
  }
  return ranges;
}

async function withFileErrors<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const errno = error instanceof Error && 'code' in error ? String(error.code) : null;
    const isFull = errno === 'ENOSPC' || errno === 'EDQUOT';
    const seen = error instanceof Error ? error.message : String(error);
    const advice = isFull ? 'no space left on this host: free some' : seen;
    const fields = { path, errno };
    throw new DarkroomError(isFull ? 'NO_SPACE' : 'STORE_WRITE_FAILED', `Cannot write ${path}: ${advice}`, {
      fields,
      cause: error,
    });
  }
}
