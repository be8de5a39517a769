import { createHash } from 'node:crypto';
import type { TargetFile } from './target-file.ts';

/** What is written at once. */
const BLOCK_BYTES = 1024 * 1024;
/** One block is filled while the other is written. */
export const SINK_BYTES = 2 * BLOCK_BYTES;
/** What may still come after it was told to wait has room behind: TLS hands out all that it has deciphered. */
const LATE_FROM_BYTES = BLOCK_BYTES - 128 * 1024;
const ZEROS = Buffer.alloc(BLOCK_BYTES);

/** Takes the bytes of one part in their order, and brings them to the file. */
export interface PartSink {
  /** So far. */
  readonly filledBytes: number;
  /** Where the next bytes may be put, without copying them. Empty only where `took` was not waited for. */
  room(): Buffer;
  /** So many were put there. What is returned is waited for before more comes. */
  took(bytes: number): Promise<void> | null;
  push(piece: Buffer): Promise<void>;
  /** SHA-256 of all, lower-case hex, once all is in the file. */
  finish(): Promise<string>;
}

export interface PartSinkOptions {
  readonly offsetBytes: number;
  /** SINK_BYTES long; nobody else's until the end. */
  readonly buffer: Buffer;
  /** Nothing was written there yet, so that zeros need not be. */
  readonly isFresh: boolean;
}

export function createPartSink(target: TargetFile, options: PartSinkOptions): PartSink {
  const { isFresh } = options;
  const hash = createHash('sha256');
  let [block, spare] = [options.buffer.subarray(0, BLOCK_BYTES), options.buffer.subarray(BLOCK_BYTES)];
  let offsetBytes = options.offsetBytes;
  let gatheredBytes = 0;
  let filledBytes = 0;
  let writing: Promise<void> | null = null;
  const flush = async (): Promise<void> => {
    const gathered = block.subarray(0, gatheredBytes);
    const at = offsetBytes;
    [block, spare] = [spare, block];
    offsetBytes += gatheredBytes;
    gatheredBytes = 0;
    hash.update(gathered);
    const isHole = isFresh && gathered.equals(ZEROS.subarray(0, gathered.length));
    if (!isHole) await target.write(gathered, at);
  };
  const beginFlush = (): void => {
    writing = flush().then(() => {
      writing = null;
      if (gatheredBytes === BLOCK_BYTES) beginFlush();
    });
    // told to whoever waits for it next
    writing.catch(() => undefined);
  };
  const sink: PartSink = {
    get filledBytes() {
      return filledBytes;
    },
    room: () => {
      const isEarly = writing !== null && gatheredBytes < LATE_FROM_BYTES;
      return block.subarray(gatheredBytes, isEarly ? LATE_FROM_BYTES : BLOCK_BYTES);
    },
    took: (bytes) => {
      gatheredBytes += bytes;
      filledBytes += bytes;
      if (gatheredBytes === BLOCK_BYTES && writing === null) beginFlush();
      return gatheredBytes >= LATE_FROM_BYTES ? writing : null;
    },
    push: async (piece) => {
      for (let taken = 0; taken < piece.length; ) {
        const copied = piece.copy(sink.room(), 0, taken);
        taken += copied;
        await sink.took(copied);
      }
    },
    finish: async () => {
      while (writing !== null) await writing;
      if (gatheredBytes > 0) await flush();
      return hash.digest('hex');
    },
  };
  return sink;
}
