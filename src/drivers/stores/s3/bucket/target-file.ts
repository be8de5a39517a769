import { type FileHandle, open } from 'node:fs/promises';
import { DarkroomError } from '../../../../model/errors.ts';

/** A file that is filled from several sides. */
export interface TargetFile extends AsyncDisposable {
  write(content: Buffer, offsetBytes: number): Promise<void>;
  sync(): Promise<void>;
}

/** Of a file that is there and empty; makes it as long as it will be. NO_SPACE, STORE_WRITE_FAILED. */
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
    write: (content, offsetBytes) => withFileErrors(path, () => writeAll(handle, content, offsetBytes)),
    sync: () => withFileErrors(path, () => handle.sync()),
    [Symbol.asyncDispose]: close,
  };
}

/** A disk that gets full takes less than it is given, before it takes nothing. */
async function writeAll(handle: FileHandle, content: Buffer, offsetBytes: number): Promise<void> {
  for (let at = 0; at < content.length; ) {
    const { bytesWritten } = await handle.write(content, at, content.length - at, offsetBytes + at);
    at += bytesWritten;
  }
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
