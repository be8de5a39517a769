import { throwIfCancelled } from './retry.ts';

/** More than that would not be bounded: parts of very long files are long. */
const MOST_MEMORY_BYTES = 512 * 1024 * 1024;

export interface TransferPlan {
  /** At most so many at once. */
  readonly concurrency: number;
  /** Each lane has one buffer of that length, for the longest part. */
  readonly bufferBytes?: number;
  readonly allocate?: (bytes: number) => Buffer;
  readonly signal?: AbortSignal | undefined;
}

export interface Lane {
  /** Its content is this lane's until the work on the part ends. */
  readonly buffer: Buffer;
  /** Fires when the caller gives up, or another part failed. */
  readonly signal: AbortSignal;
}

/** Works on all parts, some side by side, with bounded memory. The first failure ends all others at once and is thrown. */
export async function transferParts<P>(
  parts: readonly P[],
  plan: TransferPlan,
  work: (part: P, lane: Lane) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const signal = plan.signal === undefined ? failed.signal : AbortSignal.any([plan.signal, failed.signal]);
  const failures: unknown[] = [];
  const pending = parts.values();
  const runLane = async (): Promise<void> => {
    const buffer = (plan.allocate ?? Buffer.allocUnsafeSlow)(plan.bufferBytes ?? 0);
    try {
      for (const part of pending) {
        if (signal.aborted) break;
        await work(part, { buffer, signal });
      }
    } catch (error) {
      failures.push(error);
      failed.abort();
    }
  };
  await Promise.all(Array.from({ length: countLanes(parts.length, plan) }, runLane));
  throwIfCancelled(plan.signal);
  if (failures.length > 0) throw failures[0];
}

function countLanes(parts: number, { concurrency, bufferBytes = 0 }: TransferPlan): number {
  const affordable = Math.floor(MOST_MEMORY_BYTES / Math.max(1, bufferBytes));
  return Math.max(1, Math.min(parts, concurrency, affordable));
}
