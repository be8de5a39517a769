import { createHash } from 'node:crypto';
import type { TargetFile } from './target-file.ts';

/** Copied together for one write: what the socket gave is garbage at once, which is cheaper than garbage that lasted a while. */
export const SINK_BYTES = 1024 * 1024;
const ZEROS = Buffer.alloc(SINK_BYTES);

/** Takes the bytes of one part in their order, and brings them to the file. */
export interface PartSink {
  /** So far. */
  readonly filledBytes: number;
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
  const { buffer, isFresh } = options;
  const hash = createHash('sha256');
  let offsetBytes = options.offsetBytes;
  let gatheredBytes = 0;
  let filledBytes = 0;
  const flush = async (): Promise<void> => {
    const gathered = buffer.subarray(0, gatheredBytes);
    const isHole = isFresh && gathered.equals(ZEROS.subarray(0, gatheredBytes));
    hash.update(gathered);
    if (!isHole) await target.write(gathered, offsetBytes);
    offsetBytes += gatheredBytes;
    gatheredBytes = 0;
  };
  return {
    get filledBytes() {
      return filledBytes;
    },
    push: async (piece) => {
      for (let taken = 0; taken < piece.length; ) {
        const copied = piece.copy(buffer, gatheredBytes, taken);
        taken += copied;
        gatheredBytes += copied;
        if (gatheredBytes === buffer.length) await flush();
      }
      filledBytes += piece.length;
    },
    finish: async () => {
      if (gatheredBytes > 0) await flush();
      return hash.digest('hex');
    },
  };
}
