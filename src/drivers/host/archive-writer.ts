import { createHash, type Hash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Pack, pack } from 'tar-stream';
import { DarkroomError } from '../../model/errors.ts';
import type { ArchiveOptions, ArchiveSource, WrittenArchive } from '../../model/ports/archive.ts';
import { createPace } from './copy.ts';
import { syncPath } from './durable-write.ts';
import { errnoOf, writing } from './translate-error.ts';

const MODE = 0o600;
const CHUNK_BYTES = 1024 * 1024;

/**
 * Writes files into a new tar file, one after the other, and hashes them and it on the way. `onBytes` hears the bytes written so far. An
 * existing target is EEXIST and stays; COPY_FAILED when a file is shorter or longer than was said; NO_SPACE, CANCELLED.
 */
export async function writeArchive(
  target: string,
  sources: readonly ArchiveSource[],
  options: ArchiveOptions = {},
): Promise<WrittenArchive> {
  return await writing(target, async () => {
    try {
      return await writeAll(target, sources, options);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') await rm(target, { force: true }).catch(() => undefined);
      throw error;
    }
  });
}

async function writeAll(
  target: string,
  sources: readonly ArchiveSource[],
  options: ArchiveOptions,
): Promise<WrittenArchive> {
  const tar = pack({ highWaterMark: CHUNK_BYTES });
  const whole = createHash('sha256');
  const output = createWriteStream(target, { flags: 'wx', mode: MODE, highWaterMark: CHUNK_BYTES });
  // an error that comes when nobody listens any more would end the process
  tar.on('error', () => undefined);
  const pouring = pipeline(tar, observe(whole, { ...options, target }), output);
  const files: { readonly name: string; readonly sha256: string }[] = [];
  const filling = fill(tar, sources, files).catch((error: unknown) => {
    tar.destroy(error instanceof Error ? error : new Error(String(error)));
    throw error;
  });
  // what broke first is what is told, and nothing goes on behind it
  const [filled, poured] = await Promise.allSettled([filling, pouring]);
  if (filled.status === 'rejected' && filled.reason instanceof DarkroomError) throw filled.reason;
  if (poured.status === 'rejected') throw poured.reason;
  if (filled.status === 'rejected') throw filled.reason;
  await syncPath(target);
  return { sizeBytes: output.bytesWritten, sha256: whole.digest('hex'), files };
}

async function fill(
  tar: Pack,
  sources: readonly ArchiveSource[],
  files: { readonly name: string; readonly sha256: string }[],
): Promise<void> {
  for (const source of sources) {
    const hash = createHash('sha256');
    await addFile(tar, source, hash);
    files.push({ name: source.name, sha256: hash.digest('hex') });
  }
  tar.finalize();
}

async function addFile(tar: Pack, source: ArchiveSource, hash: Hash): Promise<void> {
  const size = 'content' in source ? source.content.byteLength : source.sizeBytes;
  const entry = tar.entry({ name: source.name, size, mode: MODE, type: 'file' });
  entry.on('error', () => undefined);
  if ('content' in source) {
    hash.update(source.content);
    entry.end(Buffer.from(source.content));
    return;
  }
  let readBytes = 0;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      readBytes += chunk.length;
      hash.update(chunk);
      done(readBytes > size ? wrongLength(source.path, size) : null, chunk);
    },
    flush: (done) => done(readBytes === size ? null : wrongLength(source.path, size)),
  });
  await pipeline(createReadStream(source.path, { highWaterMark: CHUNK_BYTES }), count, entry);
}

/** What comes through is counted, held back to its pace, and ended when that is asked for. */
function observe(
  hash: Hash,
  { target, onBytes, signal, bandwidthBytesPerSecond = 0 }: ArchiveOptions & { readonly target: string },
): Transform {
  const keepPace = createPace(bandwidthBytesPerSecond, signal);
  let total = 0;
  return new Transform({
    highWaterMark: CHUNK_BYTES,
    transform(chunk: Buffer, _encoding, done) {
      if (signal?.aborted === true) return done(cancelled(target));
      hash.update(chunk);
      total += chunk.length;
      onBytes?.(total);
      keepPace(chunk.length).then(() => done(signal?.aborted === true ? cancelled(target) : null, chunk), done);
    },
  });
}

function wrongLength(path: string, sizeBytes: number): DarkroomError {
  return new DarkroomError(
    'COPY_FAILED',
    `${path} has not the ${sizeBytes} bytes that it had: somebody writes to it.`,
    {
      fields: { path, sizeBytes },
    },
  );
}

function cancelled(path: string): DarkroomError {
  return new DarkroomError('CANCELLED', `writing ${path} was cancelled`, { fields: { path } });
}
