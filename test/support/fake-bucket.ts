import { createHash, randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { parseLists, serialiseLists } from '../../src/drivers/stores/s3/bucket/part-list.ts';
import {
  type Bucket,
  type DownloadedFile,
  type ObjectEntry,
  PARTS_SUFFIX,
  type UnfinishedUpload,
} from '../../src/drivers/stores/s3/bucket.ts';
import { DarkroomError } from '../../src/model/errors.ts';
import type { DownloadOptions } from '../../src/model/ports/image-store.ts';

export interface FakeObject {
  readonly content: Buffer;
  readonly etag: string;
  readonly modifiedAt: string;
}

export interface FakeBucket extends Bucket {
  /** What is there, by key; tests may change it. */
  readonly objects: Map<string, FakeObject>;
  readonly uploads: Set<UnfinishedUpload>;
  /** Every call that was made, such as `put images/x/manifest.json`. */
  readonly calls: string[];
}

const PART_BYTES = 1024 * 1024;

/** A bucket in memory. Several who share `objects` are several hosts. */
export function createFakeBucket(objects = new Map<string, FakeObject>()): FakeBucket {
  const uploads = new Set<UnfinishedUpload>();
  const calls: string[] = [];
  const store = (key: string, content: Buffer): ObjectEntry => {
    const etag = `"${createHash('md5').update(content).digest('hex')}"`;
    objects.set(key, { content, etag, modifiedAt: wholeSeconds() });
    return describeEntry(key, objects);
  };
  return {
    location: 's3://fake/darkroom',
    objects,
    uploads,
    calls,
    get: async (key, { maxBytes, signal }) => {
      calls.push(`get ${key}`);
      throwIfAborted(signal);
      const found = objects.get(key);
      if (found === undefined) return null;
      if (found.content.length > maxBytes) throw new DarkroomError('STORE_UNUSABLE', `${key} is too long`);
      return { content: Buffer.from(found.content), etag: found.etag };
    },
    head: async (key) => {
      calls.push(`head ${key}`);
      return objects.has(key) ? describeEntry(key, objects) : null;
    },
    put: async (key, content, condition) => {
      calls.push(`put ${key}`);
      if (!isMet(condition, objects.get(key))) return null;
      return { etag: store(key, Buffer.from(content)).etag };
    },
    remove: async (keys) => {
      for (const key of keys) {
        calls.push(`remove ${key}`);
        objects.delete(key);
      }
    },
    list: async (prefix, signal) => {
      calls.push(`list ${prefix}`);
      throwIfAborted(signal);
      return [...objects.keys()].filter((key) => key.startsWith(prefix)).map((key) => describeEntry(key, objects));
    },
    upload: async (key, path, options = {}) => {
      calls.push(`upload ${key}`);
      const unfinished = { key, uploadId: randomUUID(), startedAt: wholeSeconds() };
      uploads.add(unfinished);
      const content = await readSource(path);
      throwIfAborted(options.signal);
      options.onBytes?.(content.length);
      for (const one of uploads) if (one.key === key) uploads.delete(one);
      const entry = store(key, content);
      store(`${key}${PARTS_SUFFIX}`, describeParts(content, entry.etag));
      return { ...entry, sha256: sha256Of(content) };
    },
    download: async (entry, path, options = {}) => {
      calls.push(`download ${entry.key}`);
      return await downloadTo(path, { entry, objects, options });
    },
    listUploads: async (prefix) => [...uploads].filter(({ key }) => key.startsWith(prefix)),
    abortUploads: async (prefix, uploadId) => {
      calls.push(`abortUploads ${prefix}`);
      for (const one of uploads) {
        if (one.key.startsWith(prefix) && (uploadId ?? one.uploadId) === one.uploadId) uploads.delete(one);
      }
    },
  };
}

function isMet(condition: Parameters<Bucket['put']>[2], found: FakeObject | undefined): boolean {
  if (condition === undefined) return true;
  if ('ifMatch' in condition) return found?.etag === condition.ifMatch;
  return found === undefined;
}

function describeEntry(key: string, objects: ReadonlyMap<string, FakeObject>): ObjectEntry {
  const found = objects.get(key);
  if (found === undefined) throw new Error(`${key} is not there`);
  return { key, sizeBytes: found.content.length, etag: found.etag, modifiedAt: found.modifiedAt };
}

async function downloadTo(
  path: string,
  from: {
    readonly entry: ObjectEntry;
    readonly objects: ReadonlyMap<string, FakeObject>;
    readonly options: DownloadOptions;
  },
): Promise<DownloadedFile> {
  const { entry, objects, options } = from;
  throwIfAborted(options.signal);
  const found = objects.get(entry.key);
  if (found === undefined || found.etag !== entry.etag) {
    const fields = { key: entry.key, isReplaced: true };
    throw new DarkroomError('STORE_UNUSABLE', `${entry.key} was replaced or removed meanwhile`, { fields });
  }
  const beside = objects.get(`${entry.key}${PARTS_SUFFIX}`);
  const list = beside === undefined ? undefined : parseLists(beside.content)?.[0];
  if (beside !== undefined && (list?.sha256 ?? []).join() !== digestsOf(found.content).join()) {
    const fields = { key: entry.key, part: 1 };
    throw new DarkroomError('STORE_UNUSABLE', `${entry.key} is not what was stored`, { fields });
  }
  await writeFile(path, found.content);
  options.onBytes?.(found.content.length);
  const sha256 = list?.wholeSha256 ?? null;
  if (sha256 === null) options.onGrown?.(found.content.length);
  return { sha256 };
}

async function readSource(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new DarkroomError('STORE_WRITE_FAILED', `cannot read ${path}`, { cause: error });
  }
}

function describeParts(content: Buffer, etag: string): Buffer {
  const sums = { sha256: digestsOf(content), wholeSha256: sha256Of(content) };
  return Buffer.from(serialiseLists([{ etag, sizeBytes: content.length, partBytes: PART_BYTES, ...sums }]));
}

function digestsOf(content: Buffer): readonly string[] {
  const sha256: string[] = [];
  for (let start = 0; start < Math.max(1, content.length); start += PART_BYTES) {
    sha256.push(sha256Of(content.subarray(start, start + PART_BYTES)));
  }
  return sha256;
}

function sha256Of(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new DarkroomError('CANCELLED', 'cancelled while talking to the store');
}

function wholeSeconds(): string {
  return new Date(Math.floor(Date.now() / 1000) * 1000).toISOString();
}
