import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createS3Images } from '../../../src/drivers/stores/s3/images/s3-images.ts';
import { createMirror } from '../../../src/drivers/stores/s3/mirror/create-mirror.ts';
import type { ImageStore } from '../../../src/model/ports/image-store.ts';
import { exportImage } from '../../../src/operations/export-image.ts';
import { createFakeBucket, type FakeBucket } from '../../support/fake-bucket.ts';
import { createImageCore, runToEnd } from '../../support/image-core.ts';
import { makeImage } from '../../support/sample-images.ts';

const ID = '3f1c1d5e-5a6b-4c7d-8e9f-000000000002';
const FILE = 'disk-vda.qcow2';
const CONTENT = Buffer.from('disk content');

let root: string;
let bucket: FakeBucket;
beforeEach(async () => {
  root = mkdtempSync('/var/tmp/dr-exe-');
  bucket = createFakeBucket();
  const source = path.join(root, 'source');
  writeFileSync(source, CONTENT);
  const draft = await openStore('host-a').createDraft(ID);
  await draft.sealFrom(FILE, source);
  const [disk] = makeImage(ID).disks;
  if (disk === undefined) throw new Error('no disk');
  const sha256 = createHash('sha256').update(CONTENT).digest('hex');
  const disks = [{ ...disk, file: FILE, sizeBytes: CONTENT.length, sha256 }];
  await draft.publish(makeImage(ID, { name: 'web', disks, nvram: null, tpm: [] }));
});
afterEach(() => rmSync(root, { recursive: true }));

function openStore(hostName: string): ImageStore {
  const mirror = createMirror(bucket, { rootPath: path.join(root, hostName), limitBytes: 1e9, imageGroup: '0' });
  return createS3Images({ bucket, mirror, location: bucket.location, hostName, imageGroup: '0' });
}

const copyOf = (host: string): string => path.join(root, host, 'images', ID, FILE);
const request = () => ({ kind: 'image.export', image: 'web', path: path.join(root, 'out'), format: null }) as const;

describe('an image of a bucket that is exported as it is', () => {
  it('is written where it shall lie, and nowhere else on the host', async () => {
    const core = createImageCore({ store: openStore('host-b') });
    expect((await runToEnd(core, exportImage, request())).error).toBeNull();
    expect(readFileSync(path.join(root, 'out')).equals(CONTENT)).toBe(true);
    expect(existsSync(copyOf('host-b'))).toBe(false);
  });

  it('comes from the copy that the host has', async () => {
    const store = openStore('host-b');
    await store.resolveFile(ID, FILE);
    bucket.calls.length = 0;
    expect((await runToEnd(createImageCore({ store }), exportImage, request())).error).toBeNull();
    expect(bucket.calls.filter((call) => call.startsWith('download'))).toEqual([]);
    expect(readFileSync(path.join(root, 'out')).equals(CONTENT)).toBe(true);
  });

  it('is refused where it is not what its manifest says, and leaves nothing', async () => {
    const spoilt = path.join(root, 'spoilt');
    writeFileSync(spoilt, 'disk CONTENT');
    await bucket.upload(`images/${ID}/${FILE}`, spoilt);
    const core = createImageCore({ store: openStore('host-b') });
    expect((await runToEnd(core, exportImage, request())).error?.code).toBe('IMAGE_DAMAGED');
    expect(existsSync(path.join(root, 'out'))).toBe(false);
  });
});
