import { constants } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { DarkroomError } from '../../model/errors.ts';
import type { HostFiles } from '../../model/ports/host.ts';
import { cloneFile } from './clone.ts';
import { writing } from './translate-error.ts';

type CopyOptions = NonNullable<Parameters<HostFiles['copy']>[2]>;

const CHUNK_BYTES = 1024 * 1024;

/**
 * A copy with the source's mode: shared where the file system can, else byte by byte with runs of zeroes left as holes.
 * A target that exists is EEXIST and stays as it is; one that could not be finished is removed. NO_SPACE, CANCELLED.
 */
export async function copyWholeFile(source: string, target: string, options: CopyOptions = {}): Promise<void> {
  throwIfCancelled(source, options.signal);
  if (await cloneFile(source, target)) return;
  const from = await open(source, constants.O_RDONLY);
  try {
    await writing(target, () => copyBytes(from, { source, target }, options));
  } finally {
    await from.close();
  }
}

async function copyBytes(
  from: FileHandle,
  paths: { readonly source: string; readonly target: string },
  options: CopyOptions,
): Promise<void> {
  const to = await open(paths.target, 'wx', 0o600);
  try {
    await pour({ from, to }, { ...options, source: paths.source });
    await to.chmod((await from.stat()).mode & 0o777);
  } catch (error) {
    // A clean-up that fails must not hide why it was needed.
    await rm(paths.target, { force: true }).catch(() => undefined);
    throw error;
  } finally {
    await to.close();
  }
}

async function pour(
  { from, to }: { readonly from: FileHandle; readonly to: FileHandle },
  { source, signal, onBytes, bandwidthBytesPerSecond = 0 }: CopyOptions & { readonly source: string },
): Promise<void> {
  const keepPace = createPace(bandwidthBytesPerSecond, signal);
  const chunk = Buffer.alloc(CHUNK_BYTES);
  const zeroes = Buffer.alloc(CHUNK_BYTES);
  let total = 0;
  for (;;) {
    throwIfCancelled(source, signal);
    const { bytesRead } = await from.read(chunk, 0, CHUNK_BYTES, total);
    if (bytesRead === 0) break;
    const data = chunk.subarray(0, bytesRead);
    if (!data.equals(zeroes.subarray(0, bytesRead))) await writeAll(to, { data, offset: total });
    total += bytesRead;
    onBytes?.(total);
    await keepPace(data.length);
  }
  await to.truncate(total);
}

/** Holes count as well: they are read. An abort ends the pause, and is looked at by whoever goes on. */
export function createPace(bytesPerSecond: number, signal: AbortSignal | undefined): (bytes: number) => Promise<void> {
  const startedMs = performance.now();
  let total = 0;
  return async (bytes) => {
    total += bytes;
    const aheadMs = bytesPerSecond === 0 ? 0 : (total / bytesPerSecond) * 1000 - (performance.now() - startedMs);
    if (aheadMs > 0) await sleep(aheadMs, undefined, signal && { signal }).catch(() => undefined);
  };
}

async function writeAll(to: FileHandle, { data, offset }: { readonly data: Buffer; readonly offset: number }) {
  for (let done = 0; done < data.length; ) {
    done += (await to.write(data, done, data.length - done, offset + done)).bytesWritten;
  }
}

function throwIfCancelled(source: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  throw new DarkroomError('CANCELLED', `copying ${source} was cancelled`, { fields: { path: source } });
}
