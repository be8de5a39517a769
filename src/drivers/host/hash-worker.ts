// Runs in a worker thread: reads one file as far as it is told, and posts how far it is, and at last its hash.
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

export type HashOrder = { readonly leadingBytes: number } | { readonly isWhole: true };
export type HashMessage = { readonly totalBytes: number } | { readonly hash: string };

const CHUNK_BYTES = 1024 * 1024;
const REPORT_EVERY_BYTES = 64 * CHUNK_BYTES;

const hash = createHash('sha256');
const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
const file = openSync(String(workerData), 'r');
let totalBytes = 0;

function readUpTo(limitBytes: number): void {
  while (totalBytes < limitBytes) {
    const bytesRead = readSync(file, chunk, 0, Math.min(CHUNK_BYTES, limitBytes - totalBytes), null);
    if (bytesRead === 0) break;
    hash.update(chunk.subarray(0, bytesRead));
    totalBytes += bytesRead;
    if (totalBytes % REPORT_EVERY_BYTES === 0) report({ totalBytes });
  }
}

function report(message: HashMessage): void {
  parentPort?.postMessage(message);
}

parentPort?.on('message', (order: HashOrder) => {
  if ('leadingBytes' in order) {
    readUpTo(order.leadingBytes);
    return;
  }
  readUpTo(Number.POSITIVE_INFINITY);
  closeSync(file);
  report({ totalBytes });
  report({ hash: hash.digest('hex') });
  parentPort?.close();
});
