import { type FileHandle, open } from 'node:fs/promises';
import { DarkroomError } from '../../../../model/errors.ts';
import { DirectFile } from './direct-file.ts';

/** The disk is kept busy meanwhile: so much at the end at most, instead of all. */
const SYNC_EVERY_BYTES = 64 * 1024 * 1024;

/** A file that is filled from several sides. */
export interface TargetFile extends AsyncDisposable {
  write(content: Buffer, offsetBytes: number): Promise<void>;
  sync(): Promise<void>;
}

export interface TargetOptions {
  readonly sizeBytes: number;
  /** As `DirectFile`, where that goes. */
  readonly isDirect: boolean;
}

/** Of a file that is there and empty; makes it as long as it will be. NO_SPACE, STORE_WRITE_FAILED. */
export async function openTarget(path: string, { sizeBytes, isDirect }: TargetOptions): Promise<TargetFile> {
  const handle = await withFileErrors(path, () => open(path, 'r+'));
  const close = (): Promise<void> => handle.close();
  try {
    await withFileErrors(path, () => handle.truncate(sizeBytes));
  } catch (error) {
    await close();
    throw error;
  }
  const early = new EarlySync(handle);
  const direct = isDirect ? await DirectFile.open(path) : null;
  return {
    write: (content, offsetBytes) =>
      withFileErrors(path, async () => {
        const written = (await direct?.write(content, offsetBytes)) ?? 0;
        if (written === content.length) return;
        await writeAll(handle, content.subarray(written), offsetBytes + written);
        early.note(content.length - written);
      }),
    sync: () =>
      withFileErrors(path, async () => {
        await early.end();
        await handle.sync();
      }),
    [Symbol.asyncDispose]: async () => {
      await early.end().catch(() => undefined);
      await direct?.close();
      await close();
    },
  };
}

/** Brings to the disk what was written so far while more comes. The kernel tells of a failure only once: it is kept until the end. */
class EarlySync {
  readonly #handle: FileHandle;
  #waitingBytes = 0;
  #running: Promise<void> | null = null;
  readonly #failures: unknown[] = [];

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  note(bytes: number): void {
    this.#waitingBytes += bytes;
    if (this.#running !== null || this.#waitingBytes < SYNC_EVERY_BYTES) return;
    this.#waitingBytes = 0;
    this.#running = this.#handle
      .datasync()
      .catch((error: unknown) => {
        this.#failures.push(error);
      })
      .finally(() => {
        this.#running = null;
      });
  }

  async end(): Promise<void> {
    await this.#running;
    if (this.#failures.length > 0) throw this.#failures[0];
  }
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
