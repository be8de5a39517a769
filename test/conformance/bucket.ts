import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bucket, type ObjectEntry, PARTS_SUFFIX } from '../../src/drivers/stores/s3/bucket.ts';
import { expectFailure } from '../support/expect-failure.ts';

export interface BucketUnderTest {
  readonly bucket: Bucket;
  /** The same objects, seen through another client. */
  readonly other: Bucket;
  readonly dispose: () => Promise<void>;
}

const MIB = 1024 * 1024;
const LIMIT = { maxBytes: 1000 };

/** What every bucket must do. */
export function describeBucket(name: string, make: () => Promise<BucketUnderTest>): void {
  describe(name, () => {
    let under: BucketUnderTest;
    let bucket: Bucket;
    let folder: string;
    beforeAll(async () => {
      under = await make();
      bucket = under.bucket;
      folder = await mkdtemp(path.join(tmpdir(), 'dr-bkt-'));
    });
    afterAll(async () => {
      await under.dispose();
      await rm(folder, { recursive: true, force: true });
    });

    async function put(key: string, content: string): Promise<string> {
      const written = await bucket.put(key, content);
      if (written === null) throw new Error('no condition was given');
      return written.etag;
    }
    async function contentOf(key: string): Promise<string | null> {
      const found = await under.other.get(key, LIMIT);
      return found === null ? null : found.content.toString();
    }
    async function makeFile(bytes: Buffer): Promise<string> {
      const file = path.join(folder, randomBytes(6).toString('hex'));
      await writeFile(file, bytes);
      return file;
    }
    async function fetched(entry: ObjectEntry): Promise<Buffer> {
      const file = await makeFile(Buffer.alloc(0));
      await bucket.download(entry, file);
      return await readFile(file);
    }

    it('has nothing where nothing was put', async () => {
      expect(await bucket.get('none', LIMIT)).toBeNull();
      expect(await bucket.head('none')).toBeNull();
      expect(await bucket.list('none')).toEqual([]);
      await bucket.remove(['none']);
      await bucket.remove([]);
    });

    it('gives back what was put, and says the same of it everywhere', async () => {
      const etag = await put('docs/a', 'Grüße');
      const entry = await bucket.head('docs/a');
      expect(await bucket.get('docs/a', LIMIT)).toEqual({ content: Buffer.from('Grüße'), etag });
      expect(entry).toMatchObject({ key: 'docs/a', sizeBytes: 7, etag });
      expect(await under.other.list('docs/')).toEqual([entry]);
      expect(Math.abs(Date.now() - Date.parse(entry?.modifiedAt ?? ''))).toBeLessThan(60_000);
    });

    it.each(['plain', 'with space', 'ä/ö?&=+#%25', 'quote\'and"', 'snapshots/_srv_disks_web.qcow2/x.json'])(
      'keeps the key %s as it is',
      async (key) => {
        await put(`keys/${key}`, key);
        expect(await contentOf(`keys/${key}`)).toBe(key);
        expect((await bucket.list(`keys/${key}`)).map((entry) => entry.key)).toEqual([`keys/${key}`]);
        await bucket.remove([`keys/${key}`]);
        expect(await bucket.head(`keys/${key}`)).toBeNull();
      },
    );

    it('refuses to read more than was asked for', async () => {
      await put('docs/long', 'x'.repeat(LIMIT.maxBytes + 1));
      await expectFailure(bucket.get('docs/long', LIMIT), 'STORE_UNUSABLE');
    });

    it('creates only where nothing is', async () => {
      expect(await bucket.put('docs/new', 'first', { ifAbsent: true })).not.toBeNull();
      expect(await under.other.put('docs/new', 'second', { ifAbsent: true })).toBeNull();
      expect(await contentOf('docs/new')).toBe('first');
    });

    it('replaces only what was seen', async () => {
      const etag = await put('docs/seen', 'one');
      expect(await under.other.put('docs/seen', 'two', { ifMatch: etag })).not.toBeNull();
      expect(await bucket.put('docs/seen', 'three', { ifMatch: etag })).toBeNull();
      expect(await contentOf('docs/seen')).toBe('two');
    });

    it('replaces nothing that is gone', async () => {
      const etag = await put('docs/gone', 'one');
      await bucket.remove(['docs/gone']);
      expect(await bucket.put('docs/gone', 'two', { ifMatch: etag })).toBeNull();
      expect(await contentOf('docs/gone')).toBeNull();
    });

    it('lets one of many who create at once succeed', async () => {
      const writers = Array.from({ length: 16 }, (_unused, index) => `writer ${index}`);
      const written = await Promise.all(writers.map((writer) => bucket.put('docs/race', writer, { ifAbsent: true })));
      expect(written.filter((result) => result !== null)).toHaveLength(1);
      expect(await contentOf('docs/race')).toBe(writers[written.findIndex((result) => result !== null)]);
    });

    it('lets one of many who replace the same succeed', async () => {
      const etag = await put('docs/swap', 'before');
      const writers = Array.from({ length: 16 }, (_unused, index) => `writer ${index}`);
      const written = await Promise.all(writers.map((writer) => bucket.put('docs/swap', writer, { ifMatch: etag })));
      expect(written.filter((result) => result !== null)).toHaveLength(1);
      expect(await contentOf('docs/swap')).toBe(writers[written.findIndex((result) => result !== null)]);
    });

    it('lists what begins so, and removes that and nothing else', async () => {
      for (const key of ['lists/a/1', 'lists/a/2', 'lists/b/1', 'listsother']) await put(key, key);
      expect((await bucket.list('lists/a/')).map(({ key }) => key).sort()).toEqual(['lists/a/1', 'lists/a/2']);
      expect(await bucket.list('lists/')).toHaveLength(3);
      await bucket.remove(['lists/a/1', 'lists/a/none', 'lists/b/1']);
      expect((await bucket.list('lists')).map(({ key }) => key).sort()).toEqual(['lists/a/2', 'listsother']);
    });

    it.each([
      ['no bytes', 0],
      ['one byte', 1],
      ['a part', 5 * MIB],
      ['a part and a byte', 5 * MIB + 1],
      ['several parts', 12 * MIB + 12_345],
    ])('uploads a file of %s and fetches the same, with its parts beside it', async (_what, sizeBytes) => {
      const bytes = randomBytes(sizeBytes);
      const seen: number[] = [];
      const onBytes = (total: number): number => seen.push(total);
      const { sha256, ...entry } = await bucket.upload('files/disk', await makeFile(bytes), { onBytes });
      expect(sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
      expect(entry).toEqual(await under.other.head('files/disk'));
      expect(entry.sizeBytes).toBe(sizeBytes);
      expect(seen.at(-1)).toBe(sizeBytes);
      expect(seen).toEqual([...seen].sort((a, b) => a - b));
      expect((await fetched(entry)).equals(bytes)).toBe(true);
      const parts = await bucket.get(`files/disk${PARTS_SUFFIX}`, { maxBytes: MIB });
      expect(JSON.parse(String(parts?.content))).toMatchObject({
        version: 1,
        lists: [{ etag: entry.etag, sizeBytes }],
      });
      expect(await bucket.listUploads('files/')).toEqual([]);
    });

    it('fetches what was put without a list of parts', async () => {
      await put('files/plain', 'plain');
      const entry = await bucket.head('files/plain');
      if (entry === null) throw new Error('it was put');
      expect(String(await fetched(entry))).toBe('plain');
    });

    it('leaves holes where there are zeros', async () => {
      const bytes = Buffer.alloc(12 * MIB);
      bytes.write('here', 7 * MIB);
      const entry = await bucket.upload('files/sparse', await makeFile(bytes));
      expect((await fetched(entry)).equals(bytes)).toBe(true);
    });

    it('says how much has arrived', async () => {
      const entry = await bucket.upload('files/progress', await makeFile(randomBytes(6 * MIB)));
      const seen: number[] = [];
      const file = await makeFile(Buffer.alloc(0));
      await bucket.download(entry, file, { onBytes: (total) => seen.push(total) });
      expect(seen.at(-1)).toBe(6 * MIB);
      expect((await stat(file)).size).toBe(6 * MIB);
    });

    it('notices that an object was replaced before it was fetched', async () => {
      const entry = await bucket.upload('files/replaced', await makeFile(randomBytes(100)));
      await bucket.upload('files/replaced', await makeFile(randomBytes(100)));
      await expectFailure(fetched(entry), 'STORE_UNUSABLE');
      await bucket.remove(['files/replaced', `files/replaced${PARTS_SUFFIX}`]);
      await expectFailure(fetched(entry), 'STORE_UNUSABLE');
    });

    it('notices that an object is not what its parts say, and which part', async () => {
      const entry = await bucket.upload('files/damaged', await makeFile(randomBytes(100)));
      await put('files/damaged', 'y'.repeat(100));
      const damaged = { ...entry, etag: (await bucket.head('files/damaged'))?.etag ?? '' };
      const error = await expectFailure(fetched(damaged), 'STORE_UNUSABLE');
      expect(error).toMatchObject({ fields: { key: 'files/damaged', part: 1 } });
    });

    it('does nothing that was cancelled before', async () => {
      const file = await makeFile(randomBytes(100));
      const entry = await bucket.upload('files/kept', file);
      const signal = AbortSignal.abort();
      await expectFailure(bucket.upload('files/cancelled', file, { signal }), 'CANCELLED');
      await expectFailure(bucket.download(entry, file, { signal }), 'CANCELLED');
      await expectFailure(bucket.list('files/', signal), 'CANCELLED');
      await expectFailure(bucket.get('files/kept', { ...LIMIT, signal }), 'CANCELLED');
      expect(await bucket.head('files/cancelled')).toBeNull();
    });

    it('has no file to upload where there is none', async () => {
      await expectFailure(bucket.upload('files/none', path.join(folder, 'none')), 'STORE_WRITE_FAILED');
      expect(await bucket.head('files/none')).toBeNull();
    });

    it('forgets unfinished uploads, also when there are none', async () => {
      await bucket.abortUploads('');
      expect(await bucket.listUploads('')).toEqual([]);
      await bucket.abortUploads('files/', 'none');
    });
  });
}
