import { Worker } from 'node:worker_threads';
import { builtFile } from '../../lib/built-file.ts';
import { DarkroomError } from '../../model/errors.ts';
import type { GrowingHash, HashOptions } from '../../model/ports/host.ts';
import type { HashMessage, HashOrder } from './hash-worker.ts';

/**
 * SHA-256 of a file or block device, lower-case hex. A thread of its own reads and computes, so the event loop is free;
 * `onBytes` hears the bytes read so far, every 64 MiB and at the end. CANCELLED when the signal fires; Node's errors.
 */
export async function hashFile(path: string, options: HashOptions = {}): Promise<string> {
  await using hash = hashGrowing(path, options);
  return await hash.end();
}

/** The same of a file that is being written: what is there of it is read while the rest comes. Errors come from `end`. */
export function hashGrowing(path: string, options: HashOptions = {}): GrowingHash {
  let thread: HashThread | null = null;
  const open = (): HashThread => {
    thread ??= startThread(path, options);
    return thread;
  };
  return {
    reach: (leadingBytes) => open().order({ leadingBytes }),
    end: async () => {
      const { order, hash } = open();
      order({ isWhole: true });
      return await hash;
    },
    [Symbol.asyncDispose]: async () => await thread?.stop(),
  };
}

interface HashThread {
  readonly hash: Promise<string>;
  order(message: HashOrder): void;
  stop(): Promise<void>;
}

function startThread(path: string, { signal, onBytes }: HashOptions): HashThread {
  const worker = new Worker(builtFile('drivers/host/hash-worker.js'), { workerData: path });
  const stop = (): void => {
    worker.terminate().catch(() => undefined);
  };
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted === true) stop();
  const hash = receiveHash(worker, onBytes).catch((error: unknown) => {
    throw signal?.aborted === true ? cancelled(path) : error;
  });
  // told to whoever asks for the end
  hash.catch(() => undefined);
  return {
    hash,
    order: (message) => worker.postMessage(message),
    stop: async () => {
      signal?.removeEventListener('abort', stop);
      await worker.terminate();
    },
  };
}

function receiveHash(worker: Worker, onBytes: HashOptions['onBytes']): Promise<string> {
  return new Promise((resolve, reject) => {
    let hash: string | null = null;
    worker.on('message', (message: HashMessage) => {
      if ('hash' in message) hash = message.hash;
      else onBytes?.(message.totalBytes);
    });
    worker.on('error', reject);
    worker.on('exit', () => {
      if (hash === null) reject(new Error('the hashing thread ended without a result'));
      else resolve(hash);
    });
  });
}

function cancelled(path: string): DarkroomError {
  return new DarkroomError('CANCELLED', `hashing ${path} was cancelled`, { fields: { path } });
}
