import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createS3Images } from '../../../src/drivers/stores/s3/images/s3-images.ts';
import { createMirror } from '../../../src/drivers/stores/s3/mirror/create-mirror.ts';
import type { ImageStore } from '../../../src/model/ports/image-store.ts';
import { verifyImage } from '../../../src/operations/verify-image.ts';
import { createFakeBucket, type FakeBucket } from '../../support/fake-bucket.ts';
import { writeFakeDisk } from '../../support/fake-disk-tool.ts';
import { createImageCore, runToEnd } from '../../support/image-core.ts';
import { makeImage } from '../../support/sample-images.ts';

const ID = '3f1c1d5e-5a6b-4c7d-8e9f-000000000001';
const FILES = ['disk-vda.qcow2', 'domain.xml'] as const;

let root: string;
let bucket: FakeBucket;
let store: ImageStore;

beforeEach(async () => {
  root = mkdtempSync(path.join(tmpdir(), 'dr-shf-verify-'));
  bucket = createFakeBucket();
  const mirror = createMirror(bucket, { rootPath: root, limitBytes: 1e9, imageGroup: '0' });
  store = createS3Images({ bucket, mirror, location: bucket.location, hostName: 'host-a', imageGroup: '0' });
  const draft = await store.createDraft(ID);
  writeFakeDisk(draft.path('disk-vda.qcow2'), { content: 'root' });
  const sha256 = createHash('sha256')
    .update(readFileSync(draft.path('disk-vda.qcow2')))
    .digest('hex');
  const { sizeBytes } = await draft.seal('disk-vda.qcow2');
  writeFileSync(draft.path('domain.xml'), '<domain/>');
  await draft.seal('domain.xml', { isSecret: true });
  const disk = { file: 'disk-vda.qcow2', target: 'vda', format: 'qcow2', virtualSizeBytes: 1024 ** 3 } as const;
  await draft.publish(makeImage(ID, { disks: [{ ...disk, sizeBytes, sha256 }], nvram: null, sizeBytes }));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const verify = () =>
  runToEnd(createImageCore({ store }), verifyImage, {
    kind: 'image.verify',
    image: ID,
    isBooted: false,
    expect: null,
    timeoutMs: 60_000,
  });

describe('image verify, in a store elsewhere', () => {
  it('reads what the store holds, each file once, and finds it whole', async () => {
    bucket.calls.length = 0;
    expect((await verify()).error).toBeNull();
    const fetched = bucket.calls.filter((call) => call.startsWith('download'));
    expect(fetched).toEqual(FILES.map((file) => `download images/${ID}/${file}`));
  });

  it.each(FILES)('finds what the store holds of %s damaged, whatever copy is here, and keeps that', async (file) => {
    const copy = await store.resolveFile(ID, file);
    const before = readFileSync(copy);
    const stored = bucket.objects.get(`images/${ID}/${file}`);
    if (stored === undefined) throw new Error('it was stored');
    const content = Buffer.from(stored.content);
    content.write('!', 3);
    // as a disk does it: the object keeps its etag
    bucket.objects.set(`images/${ID}/${file}`, { ...stored, content });
    const { error } = await verify();
    expect(error).toMatchObject({ code: 'IMAGE_DAMAGED', message: expect.stringContaining(file) });
    expect((await store.readImage(ID)).status).toBe('error');
    expect(readFileSync(copy).equals(before)).toBe(true);
    bucket.objects.set(`images/${ID}/${file}`, stored);
    expect((await verify()).error).toBeNull();
    expect((await store.readImage(ID)).status).toBe('active');
  });
});
