import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serialiseManifest } from '../../../../../../src/drivers/stores/documents/manifest.ts';
import { createImageIndex, type ImageIndex } from '../../../../../../src/drivers/stores/s3/images/index/image-index.ts';
import { createSnapshotFile } from '../../../../../../src/drivers/stores/s3/images/index/snapshot-file.ts';
import { createFakeBucket, type FakeBucket } from '../../../../../support/fake-bucket.ts';
import { makeImage } from '../../../../../support/sample-images.ts';

const COUNT = 30;

let root: string;
let bucket: FakeBucket;
let ids: string[];
let nowMs: number;

beforeEach(async () => {
  root = mkdtempSync(path.join(tmpdir(), 'dr-img-index-'));
  bucket = createFakeBucket();
  nowMs = Date.now();
  ids = Array.from({ length: COUNT }, () => randomUUID());
  for (const id of ids) await put(id);
  // the first word there is
  await open().changed([]);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

async function put(id: string, name = 'first'): Promise<void> {
  await bucket.put(`images/${id}/manifest.json`, serialiseManifest(makeImage(id, { name })));
}

/** Of a process that begins now. */
function open(): ImageIndex {
  return createImageIndex({ bucket, file: createSnapshotFile(root, bucket.location), nowMs: () => nowMs });
}

/** What the bucket was asked meanwhile, without ids. */
async function callsOf(work: () => Promise<unknown>): Promise<string[]> {
  bucket.calls.length = 0;
  await work();
  return bucket.calls.map((call) => call.replace(/[0-9a-f-]{36}/, 'ID'));
}

const nameOf = async (index: ImageIndex, id: string | undefined) =>
  (await index.listImages()).images.find((image) => image.id === id)?.name;

describe('the index of images', () => {
  it('asks once whether anything changed, where nothing did', async () => {
    const index = open();
    await index.listImages();
    expect(await callsOf(() => index.listImages())).toEqual(['get images/.changes']);
  });

  it('reads what we changed ourselves, and nothing else', async () => {
    const index = open();
    await index.listImages();
    await put(ids[0] ?? '', 'second');
    await index.changed([ids[0] ?? '']);
    const calls = await callsOf(async () => expect(await nameOf(index, ids[0])).toBe('second'));
    expect(calls).toEqual(['get images/.changes', 'list images/ID/', 'get images/ID/manifest.json']);
  });

  it('sees what another process changed, as soon as that said so', async () => {
    const [index, other] = [open(), open()];
    await index.listImages();
    await put(ids[3] ?? '', 'second');
    bucket.objects.delete(`images/${ids[4]}/manifest.json`);
    await other.changed([ids[3] ?? '', ids[4] ?? '']);
    expect(await nameOf(index, ids[3])).toBe('second');
    expect((await index.listImages()).images).toHaveLength(COUNT - 1);
  });

  it('sees our own change although the word of it could not be left', async () => {
    const index = open();
    await index.listImages();
    await put(ids[0] ?? '', 'second');
    const { put: working } = bucket;
    Object.assign(bucket, { put: () => Promise.reject(new Error('no network')) });
    await index.changed([ids[0] ?? '']);
    Object.assign(bucket, { put: working });
    expect(await nameOf(index, ids[0])).toBe('second');
  });

  it('lists everything where the log is lost, or says too little', async () => {
    const index = open();
    await index.listImages();
    await put(ids[0] ?? '', 'second');
    bucket.objects.delete('images/.changes');
    await open().changed([]);
    expect(await nameOf(index, ids[0])).toBe('second');
  });

  it('sees what nobody told of after a quarter of a minute at the second look, after a minute at the first', async () => {
    const index = open();
    await index.listImages();
    await put(ids[0] ?? '', 'second');
    expect(await nameOf(index, ids[0])).toBe('first');
    nowMs += 16_000;
    expect(await nameOf(index, ids[0])).toBe('first');
    await expect.poll(() => nameOf(index, ids[0])).toBe('second');
    await put(ids[0] ?? '', 'third');
    nowMs += 61_000;
    expect(await nameOf(index, ids[0])).toBe('third');
  });

  it('knows in a new process what an earlier one has read', async () => {
    await open().listImages();
    expect(await callsOf(async () => expect((await open().listImages()).images).toHaveLength(COUNT))).toEqual([
      'get images/.changes',
    ]);
    nowMs += 61_000;
    await put(ids[0] ?? '', 'second');
    const calls = await callsOf(async () => expect(await nameOf(open(), ids[0])).toBe('second'));
    expect(calls).toEqual(['get images/.changes', 'list images/', 'get images/ID/manifest.json']);
    // the one that was new is read again, and nothing is listed again for it
    const next = await callsOf(async () => expect(await nameOf(open(), ids[0])).toBe('second'));
    expect(next).toEqual(['get images/.changes', 'list images/ID/', 'get images/ID/manifest.json']);
  });

  it.each(['.image-listing', '.image-manifests'])('reads anew what a spoilt %s should have told', async (name) => {
    await open().listImages();
    const file = path.join(root, name);
    writeFileSync(file, readFileSync(file, 'utf8').replace('first', 'wrong').replace(/.$/, ''));
    expect((await open().listImages()).images.map((image) => image.name)).toEqual(ids.map(() => 'first'));
  });

  it('leaves no file where there are few images', async () => {
    bucket.objects.clear();
    await open().listImages();
    expect(existsSync(path.join(root, '.image-manifests'))).toBe(false);
  });

  it('gives many who ask at once what was there when they asked', async () => {
    const index = open();
    const first = index.listImages();
    await put(ids[0] ?? '', 'second');
    await index.changed([ids[0] ?? '']);
    const names = await Promise.all(Array.from({ length: 20 }, () => nameOf(index, ids[0])));
    await first;
    expect(new Set(names)).toEqual(new Set(['second']));
  });

  it('fails as a whole where the bucket does, and recovers', async () => {
    const index = open();
    const { list } = bucket;
    Object.assign(bucket, { list: () => Promise.reject(new Error('no network')) });
    await expect(index.listImages()).rejects.toThrow('no network');
    Object.assign(bucket, { list });
    expect((await index.listImages()).images).toHaveLength(COUNT);
  });
});
