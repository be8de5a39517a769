import { Worker } from 'node:worker_threads';
import { builtFile } from '../../lib/built-file.ts';
import { DarkroomError } from '../../model/errors.ts';
import type { HostFiles } from '../../model/ports/host.ts';
import type { HashMessage } from './hash-worker.ts';

type HashOptions = NonNullable<Parameters<HostFiles['hash']>[1]>;

/**
 * SHA-256 of a file or block device, lower-case hex. A thread of its own reads and computes, so the event loop is free;
 * `onBytes` hears the bytes read so far, every 64 MiB and at the end. CANCELLED when the signal fires; Node's errors.
 */
export async function hashFile(path: string, options: HashOptions = {}): Promise<string> {
  const { signal, onBytes } = options;
  if (signal?.aborted === true) throw cancelled(path);
  const worker = new Worker(builtFile('drivers/host/hash-worker.js'), { workerData: path });
  let isCancelled = false;
  const stop = (): void => {
    isCancelled = true;
    worker.terminate().catch(() => undefined);
  };
  signal?.addEventListener('abort', stop, { once: true });
  try {
    return await receiveHash(worker, onBytes);
  } catch (error) {
    throw isCancelled ? cancelled(path) : error;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
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
