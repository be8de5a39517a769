import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { pipeline, Transform } from 'node:stream';
import { type Entry, type Extract, extract } from 'tar-stream';
import { DarkroomError } from '../../model/errors.ts';
import type { ArchiveEntry, ArchiveOptions, ArchiveReader } from '../../model/ports/archive.ts';
import { createPace } from './copy.ts';
import { writing } from './translate-error.ts';

const CHUNK_BYTES = 1024 * 1024;
/** Between two files; a header that claims more wants to exhaust us. */
const MAX_HEADER_BYTES = 8 * CHUNK_BYTES;

/** Reads a tar file from front to back. Nothing in it becomes a path here. SNAPSHOT_REJECTED when it is none, or is cut off. */
export function openArchive(path: string): ArchiveReader {
  const tar = extract();
  const input = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  // its end is told by what reads it; an error that nobody listens to would end the process
  tar.on('error', () => undefined);
  pipeline(input, limitHeaders(tar), tar, () => undefined);
  const entries = tar[Symbol.asyncIterator]();
  let last: Entry | null = null;
  return {
    async next() {
      last?.resume();
      const found = await reading(() => entries.next());
      last = found.done === true ? null : found.value;
      return last === null ? null : describeEntry(last);
    },
    async [Symbol.asyncDispose]() {
      input.destroy();
      tar.destroy();
    },
  };
}

/** Long names and the like are held in memory as a whole, whatever length they claim. */
function limitHeaders(tar: Extract): Transform {
  let headerBytes = 0;
  let isInFile = false;
  tar.on('entry', (_header, stream) => {
    headerBytes = 0;
    isInFile = true;
    stream.once('close', () => {
      isInFile = false;
    });
  });
  return new Transform({
    highWaterMark: CHUNK_BYTES,
    transform(chunk: Buffer, _encoding, done) {
      if (!isInFile) headerBytes += chunk.length;
      done(headerBytes > MAX_HEADER_BYTES ? new Error('a header is too long') : null, chunk);
    },
  });
}

function describeEntry(entry: Entry): ArchiveEntry {
  const { name, type, size = 0 } = entry.header;
  return {
    name,
    kind: type === 'file' ? 'file' : 'other',
    sizeBytes: size,
    readBytes: ({ maxBytes }) => readAtMost(entry, maxBytes),
    writeTo: (path, options = {}) => writeEntry(entry, path, options),
  };
}

async function readAtMost(entry: Entry, maxBytes: number): Promise<Uint8Array> {
  const { name, size = 0 } = entry.header;
  if (size > maxBytes) throw rejected(`${JSON.stringify(name)} in it has ${size} bytes, more than ${maxBytes}`);
  const chunks: Buffer[] = [];
  await reading(async () => {
    for await (const chunk of entry) chunks.push(chunk);
  });
  return Buffer.concat(chunks);
}

async function writeEntry(entry: Entry, path: string, options: ArchiveOptions): Promise<string> {
  return await writing(path, async () => {
    const file = await open(path, 'wx', 0o600);
    try {
      return await pour(entry, file, { ...options, path });
    } catch (error) {
      await rm(path, { force: true }).catch(() => undefined);
      throw error;
    } finally {
      await file.close();
    }
  });
}

async function pour(
  entry: Entry,
  file: FileHandle,
  { path, signal, onBytes, bandwidthBytesPerSecond = 0 }: ArchiveOptions & { readonly path: string },
): Promise<string> {
  const hash = createHash('sha256');
  const keepPace = createPace(bandwidthBytesPerSecond, signal);
  const zeroes = Buffer.alloc(CHUNK_BYTES);
  let total = 0;
  for await (const chunk of readEntry(entry)) {
    if (signal?.aborted === true) {
      throw new DarkroomError('CANCELLED', `writing ${path} was cancelled`, { fields: { path } });
    }
    hash.update(chunk);
    const isHole = chunk.length <= CHUNK_BYTES && chunk.equals(zeroes.subarray(0, chunk.length));
    if (!isHole) await writeAt(file, chunk, total);
    total += chunk.length;
    onBytes?.(total);
    await keepPace(chunk.length);
  }
  await file.truncate(total);
  await file.sync();
  return hash.digest('hex');
}

async function writeAt(file: FileHandle, chunk: Buffer, position: number): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    done += (await file.write(chunk, done, chunk.length - done, position + done)).bytesWritten;
  }
}

/** Errors of the reading side are told from those of the writing side. */
async function* readEntry(entry: Entry): AsyncGenerator<Buffer, void, undefined> {
  const chunks = entry[Symbol.asyncIterator]();
  for (;;) {
    const next = await reading(() => chunks.next());
    if (next.done === true) return;
    yield next.value;
  }
}

async function reading<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw rejected(`it cannot be read as a tar file: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
}

function rejected(reason: string, cause?: unknown): DarkroomError {
  return new DarkroomError('SNAPSHOT_REJECTED', `The archive is refused: ${reason}.`, {
    fields: { reason },
    ...(cause === undefined ? {} : { cause }),
  });
}
