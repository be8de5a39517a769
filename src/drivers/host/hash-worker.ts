// Runs in a worker thread: reads one file and posts how far it is, and at last its hash.
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

export type HashMessage = { readonly totalBytes: number } | { readonly hash: string };

const CHUNK_BYTES = 1024 * 1024;
const REPORT_EVERY_BYTES = 64 * CHUNK_BYTES;

function hashFile(path: string, report: (message: HashMessage) => void): void {
  const hash = createHash('sha256');
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  const file = openSync(path, 'r');
  let totalBytes = 0;
  try {
    for (;;) {
      const bytesRead = readSync(file, chunk, 0, CHUNK_BYTES, null);
      if (bytesRead === 0) break;
      hash.update(chunk.subarray(0, bytesRead));
      totalBytes += bytesRead;
      if (totalBytes % REPORT_EVERY_BYTES === 0) report({ totalBytes });
    }
  } finally {
    closeSync(file);
  }
  report({ totalBytes });
  report({ hash: hash.digest('hex') });
}

hashFile(String(workerData), (message) => parentPort?.postMessage(message));
