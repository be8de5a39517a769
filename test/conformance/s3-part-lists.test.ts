import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createBucket } from '../../src/drivers/stores/s3/bucket/create-bucket.ts';
import { type Bucket, type ObjectEntry, PARTS_SUFFIX } from '../../src/drivers/stores/s3/bucket.ts';
import { runCommand } from '../e2e/support/run-command.ts';
import { expectFailure } from '../support/expect-failure.ts';
import { type ProxiedRequest, type S3Proxy, startS3Proxy } from '../support/s3-proxy.ts';
import { s3Target } from '../support/s3-target.ts';

const MIB = 1024 * 1024;
const KEY = 'snapshots/volume/disk.qcow2';
const LISTS = `${KEY}${PARTS_SUFFIX}`;

const isComplete = ({ method, url }: ProxiedRequest): boolean =>
  (method === 'POST' && url.includes('uploadId=')) || (method === 'PUT' && /disk\.qcow2(\?x-id=\w+)?$/.test(url));

let folder: string;
let name: string;
let proxy: S3Proxy;
/** Of a host whose requests can be broken. */
let bucket: Bucket;
let other: Bucket;

beforeEach(async () => {
  const target = await s3Target();
  name = await target.newBucket();
  folder = await mkdtemp(path.join('/var/tmp', 'dr-shf-parts-'));
  proxy = await startS3Proxy(target.endpoint);
  const options = { partBytes: 5 * MIB, retryForMs: 300 };
  bucket = createBucket(target.bucketOptions(name, { ...options, endpoint: proxy.endpoint }));
  other = createBucket(target.bucketOptions(name, options));
});
afterEach(async () => {
  await proxy[Symbol.asyncDispose]();
  await (await s3Target()).dropBucket(name);
  await rm(folder, { recursive: true, force: true });
});

async function fileOf(bytes: Buffer): Promise<string> {
  const file = path.join(folder, randomBytes(6).toString('hex'));
  await writeFile(file, bytes);
  return file;
}

async function fetched(entry?: ObjectEntry | null): Promise<Buffer> {
  const wanted = entry ?? (await other.head(KEY));
  if (wanted === null) throw new Error('nothing is there');
  const file = await fileOf(Buffer.alloc(0));
  await other.download(wanted, file);
  return await readFile(file);
}

async function cachedBytes(file: string): Promise<number> {
  return Number(await runCommand('fincore', ['--bytes', '--raw', '--noheadings', '--output', 'RES', file]));
}

async function etagsOfLists(): Promise<readonly unknown[]> {
  const found = await other.get(LISTS, { maxBytes: MIB });
  return JSON.parse(String(found?.content)).lists.map(({ etag }: { etag: unknown }) => etag);
}

describe.each([
  ['one part', 100],
  ['several parts', 6 * MIB],
])('an object of %s', (_what, sizeBytes) => {
  it('can be fetched as it was where the upload of another died before its end, and is replaced later', async () => {
    const [old, next] = [randomBytes(sizeBytes), randomBytes(sizeBytes)];
    const entry = await bucket.upload(KEY, await fileOf(old));
    proxy.breakThose = isComplete;
    await expectFailure(bucket.upload(KEY, await fileOf(next)), 'STORE_WRITE_FAILED');
    expect(await etagsOfLists()).toEqual([entry.etag, null]);
    expect((await fetched()).equals(old)).toBe(true);
    await expectFailure(bucket.upload(KEY, await fileOf(randomBytes(7 * MIB))), 'STORE_WRITE_FAILED');
    expect(await etagsOfLists()).toEqual([entry.etag, null]);
    expect((await fetched()).equals(old)).toBe(true);
    proxy.breakThose = () => false;
    const later = await bucket.upload(KEY, await fileOf(next));
    expect((await fetched()).equals(next)).toBe(true);
    expect(await etagsOfLists()).toEqual([later.etag]);
  });

  it('can be fetched at every moment of an upload of another', async () => {
    const [old, next] = [randomBytes(sizeBytes), randomBytes(sizeBytes + 1)];
    await bucket.upload(KEY, await fileOf(old));
    const seen: string[] = [];
    proxy.before = async () => {
      const content = await fetched();
      seen.push(content.equals(old) ? 'old' : content.equals(next) ? 'next' : 'neither');
    };
    await bucket.upload(KEY, await fileOf(next));
    expect(seen).toEqual([...seen].sort().reverse());
    expect(new Set(seen)).toEqual(new Set(['old', 'next']));
  });

  it('can be fetched where its uploader died right after it, and keeps its list beside another that comes', async () => {
    const [old, next] = [randomBytes(sizeBytes), randomBytes(sizeBytes)];
    let written = 0;
    proxy.breakThose = ({ method, url }) => method === 'PUT' && url.includes('.parts') && ++written > 1;
    await bucket.upload(KEY, await fileOf(old));
    expect(await etagsOfLists()).toEqual([null]);
    expect((await fetched()).equals(old)).toBe(true);
    proxy.breakThose = isComplete;
    await expectFailure(bucket.upload(KEY, await fileOf(next)), 'STORE_WRITE_FAILED');
    expect((await fetched()).equals(old)).toBe(true);
  });
});

describe('the checksum of a whole object', () => {
  it.each([0, 100, 12 * MIB])('of %i bytes is told by its upload and by its download', async (sizeBytes) => {
    const content = randomBytes(sizeBytes);
    const expected = createHash('sha256').update(content).digest('hex');
    const entry = await bucket.upload(KEY, await fileOf(content));
    expect(entry.sha256).toBe(expected);
    const grown: number[] = [];
    const onGrown = (bytes: number): number => grown.push(bytes);
    expect(await other.download(entry, await fileOf(Buffer.alloc(0)), { onGrown })).toEqual({ sha256: expected });
    expect(grown).toEqual([]);
  });

  it('is not known where its list is of before there was one: whoever wants it hears how far the file has come', async () => {
    const entry = await bucket.upload(KEY, await fileOf(randomBytes(12 * MIB)));
    const lists = JSON.parse(String((await other.get(LISTS, { maxBytes: MIB }))?.content));
    const { wholeSha256: _, ...older } = lists.lists[0];
    await other.put(LISTS, JSON.stringify({ ...lists, lists: [older] }));
    const grown: number[] = [];
    const onGrown = (bytes: number): number => grown.push(bytes);
    expect(await other.download(entry, await fileOf(Buffer.alloc(0)), { onGrown })).toEqual({ sha256: null });
    expect(grown.at(-1)).toBe(12 * MIB);
  });
});

describe('a long object', () => {
  it('is fetched past the page cache of the host', async () => {
    const block = randomBytes(MIB);
    const content = Buffer.concat([...Array.from({ length: 256 }, () => block), Buffer.from('the end')]);
    content.writeUInt32BE(1, 100 * MIB);
    const entry = await bucket.upload(KEY, await fileOf(content));
    const target = await fileOf(Buffer.alloc(0));
    await other.download(entry, target);
    expect(await cachedBytes(target)).toBeLessThan(MIB);
    expect((await readFile(target)).equals(content)).toBe(true);
  });
});

describe('an object that no list has the etag of', () => {
  it('was replaced, where the one that was asked for is not there any more', async () => {
    const entry = await bucket.upload(KEY, await fileOf(randomBytes(100)));
    await bucket.upload(KEY, await fileOf(randomBytes(100)));
    const error = await expectFailure(fetched(entry), 'STORE_UNUSABLE');
    expect(error).toMatchObject({ fields: { key: KEY, isReplaced: true } });
  });

  it('is fetched where it is what the list says, as in a copy of a bucket, and refused where it is not', async () => {
    const content = randomBytes(100);
    await bucket.upload(KEY, await fileOf(content));
    const lists = JSON.parse(String((await other.get(LISTS, { maxBytes: MIB }))?.content));
    await other.put(LISTS, JSON.stringify({ ...lists, lists: [{ ...lists.lists[0], etag: '"another"' }] }));
    expect((await fetched()).equals(content)).toBe(true);
    await other.put(KEY, randomBytes(100));
    expect(await expectFailure(fetched(), 'STORE_UNUSABLE')).toMatchObject({ fields: { key: KEY, part: 1 } });
    await other.put(KEY, randomBytes(99));
    expect(await expectFailure(fetched(), 'STORE_UNUSABLE')).toMatchObject({ fields: { key: KEY, part: null } });
  });
});
