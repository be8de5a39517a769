import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDirectoryShelf } from '../../../src/drivers/stores/directory/directory-shelf.ts';
import { createDirectoryStore } from '../../../src/drivers/stores/directory/directory-store.ts';
import { createDirectoryUpkeep } from '../../../src/drivers/stores/directory/upkeep.ts';
import { createS3Images } from '../../../src/drivers/stores/s3/images/s3-images.ts';
import { createMirror } from '../../../src/drivers/stores/s3/mirror/create-mirror.ts';
import { createS3Shelf } from '../../../src/drivers/stores/s3/shelf/s3-shelf.ts';
import { createS3Upkeep } from '../../../src/drivers/stores/s3/upkeep.ts';
import { DarkroomError } from '../../../src/model/errors.ts';
import { DOMAIN_XML_FILE } from '../../../src/model/image.ts';
import type { OpenStore } from '../../../src/model/ports/stores.ts';
import { copyImage, recoverCopyImage } from '../../../src/operations/copy-image.ts';
import { collectGarbage } from '../../../src/operations/manage-stores.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { createFakeBucket, type FakeBucket } from '../../support/fake-bucket.ts';
import { createFakeStores } from '../../support/fake-stores.ts';
import { createImageCore, runToEnd } from '../../support/image-core.ts';
import { makeImage } from '../../support/sample-images.ts';
import { makeOperation, processIdentity } from '../../support/sample-operations.ts';

const ID = '3f1c1d5e-5a6b-4c7d-8e9f-000000000001';
const CONTENT = Buffer.alloc(3 * 1024 * 1024, 'disk content ');
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');

let root: string;
let bucket: FakeBucket;

beforeEach(async () => {
  root = mkdtempSync('/var/tmp/dr-cpe-');
  bucket = createFakeBucket();
  const draft = await openFolder('here').images.createDraft(ID);
  for (const [file, content] of [
    ['disk-vda.qcow2', CONTENT],
    [DOMAIN_XML_FILE, '<domain/>'],
  ] as const) {
    writeFileSync(draft.path(file), content);
    await draft.seal(file, { isSecret: file === DOMAIN_XML_FILE });
  }
  const [disk] = makeImage(ID).disks;
  if (disk === undefined) throw new Error('no disk');
  await draft.publish(makeImage(ID, { name: 'web', disks: [{ ...disk, sizeBytes: CONTENT.length, sha256: SHA256 }] }));
});
afterEach(() => rmSync(root, { recursive: true }));

function openFolder(name: string): Omit<OpenStore, 'description' | 'snapshots'> {
  const options = { location: path.join(root, name), imageGroup: '0' };
  return {
    images: createDirectoryStore(options),
    shelf: createDirectoryShelf(options),
    upkeep: createDirectoryUpkeep(options),
  };
}

/** As a host sees it, with copies of its own. */
function openBucket(hostName = 'host-a'): Omit<OpenStore, 'description' | 'snapshots'> {
  const mirror = createMirror(bucket, { rootPath: path.join(root, hostName), limitBytes: 1e9, imageGroup: '0' });
  const images = createS3Images({ bucket, mirror, location: bucket.location, hostName, imageGroup: '0' });
  return { images, shelf: createS3Shelf({ bucket }), upkeep: createS3Upkeep({ bucket, mirror, images }) };
}

function makeCore(parts: Partial<Core> = {}): Core {
  const here = openFolder('here');
  const stores = createFakeStores({ default: here, cloud: openBucket() });
  return createImageCore({ store: here.images, shelf: here.shelf, upkeep: here.upkeep, stores, ...parts });
}

const REQUEST = { kind: 'image.copy', image: 'web', from: null, to: 'cloud' } as const;
const disk = `images/${ID}/disk-vda.qcow2`;

describe('an image that is copied to a bucket', () => {
  it('is there for other hosts, and comes to a folder from there', async () => {
    expect((await runToEnd(makeCore(), copyImage, REQUEST)).error).toBeNull();
    expect(await openBucket('host-b').shelf.readClaim(ID)).toBeNull();
    const there = openFolder('there');
    const stores = createFakeStores({ default: there, cloud: openBucket('host-b') });
    const other = makeCore({ store: there.images, shelf: there.shelf, stores });
    expect((await runToEnd(other, copyImage, { ...REQUEST, from: 'cloud', to: null })).error).toBeNull();
    expect(await there.images.readImage(ID)).toEqual(await openFolder('here').images.readImage(ID));
    expect(readFileSync(await there.images.resolveFile(ID, 'disk-vda.qcow2')).equals(CONTENT)).toBe(true);
    expect(readFileSync(await there.images.resolveFile(ID, DOMAIN_XML_FILE), 'utf8')).toBe('<domain/>');
    expect(await openBucket('host-b').upkeep.findFaults()).toEqual([]);
  });

  it('goes there and comes from there without a copy in between', async () => {
    expect((await runToEnd(makeCore(), copyImage, REQUEST)).error).toBeNull();
    expect(existsSync(path.join(root, 'host-a', disk))).toBe(false);
    const there = openFolder('there');
    const stores = createFakeStores({ default: there, cloud: openBucket('host-b') });
    const other = makeCore({ store: there.images, shelf: there.shelf, stores });
    expect((await runToEnd(other, copyImage, { ...REQUEST, from: 'cloud', to: null })).error).toBeNull();
    expect(existsSync(path.join(root, 'host-b', disk))).toBe(false);
  });

  it('is refused where it is not what its manifest says, here and there, and leaves nothing', async () => {
    const own = await openFolder('here').images.resolveFile(ID, 'disk-vda.qcow2');
    chmodSync(own, 0o600);
    writeFileSync(own, Buffer.alloc(CONTENT.length, 'other'));
    expect((await runToEnd(makeCore(), copyImage, REQUEST)).error?.code).toBe('IMAGE_DAMAGED');
    expect([...bucket.objects.keys()].filter((key) => key.startsWith(`images/${ID}/`))).toEqual([]);
    writeFileSync(own, CONTENT);
    expect((await runToEnd(makeCore(), copyImage, REQUEST)).error).toBeNull();
    const spoilt = path.join(root, 'spoilt');
    writeFileSync(spoilt, Buffer.alloc(CONTENT.length, 'other'));
    await bucket.upload(disk, spoilt);
    const there = openFolder('there');
    const stores = createFakeStores({ default: there, cloud: openBucket('host-b') });
    const other = makeCore({ store: there.images, shelf: there.shelf, stores });
    const back = await runToEnd(other, copyImage, { ...REQUEST, from: 'cloud', to: null });
    expect(back.error?.code).toBe('IMAGE_DAMAGED');
    expect(await there.images.listDraftIds()).toEqual([]);
  });

  it('leaves nothing there when the upload fails', async () => {
    const upload = bucket.upload;
    bucket.upload = async (key, file, options) => {
      if (key === disk) throw new DarkroomError('STORE_WRITE_FAILED', 'reset');
      return await upload(key, file, options);
    };
    expect((await runToEnd(makeCore(), copyImage, REQUEST)).error?.code).toBe('STORE_WRITE_FAILED');
    expect([...bucket.objects.keys()].filter((key) => key.startsWith(`images/${ID}/`))).toEqual([]);
    expect(bucket.uploads.size).toBe(0);
  });

  it('goes on where a process that died had come to, and uploads nothing twice', async () => {
    const cloud = openBucket();
    await cloud.shelf.claim({
      ...{ instanceId: ID, host: 'host-a', operationId: 'op-dead', kind: 'image.copy' },
      since: '2026-01-01T00:00:00.000Z',
    });
    const draft = await cloud.images.createDraft(ID);
    writeFileSync(draft.path('disk-vda.qcow2'), CONTENT);
    await draft.seal('disk-vda.qcow2');
    const core = makeCore();
    const notes = await recoverCopyImage(core, {
      operation: makeOperation({ id: 'op-dead', kind: 'image.copy' }),
      owner: processIdentity(1),
      plan: { version: 1, imageId: ID, location: bucket.location },
      isCancelRequested: false,
      revision: 1,
    });
    expect(notes.join()).toContain('goes on from there');
    expect((await core.stores.open('cloud').images.listImages()).images).toEqual([]);
    bucket.calls.length = 0;
    expect((await runToEnd(makeCore(), copyImage, REQUEST)).error).toBeNull();
    expect(bucket.calls).not.toContain(`upload ${disk}`);
    expect(await openBucket('host-b').images.readImage(ID)).toMatchObject({ name: 'web' });
  });

  it('is cleared up where nobody goes on with it, and not while somebody does', async () => {
    const cloud = openBucket();
    const draft = await cloud.images.createDraft(ID);
    writeFileSync(draft.path('disk-vda.qcow2'), CONTENT);
    await draft.seal('disk-vda.qcow2');
    const claim = { instanceId: ID, host: 'host-b', operationId: 'op', kind: 'image.copy', since: 'then' };
    await cloud.shelf.claim(claim);
    const core = makeCore({ clock: { ...makeCore().clock, now: () => new Date(Date.now() + 2 * 86_400_000) } });
    const request = { store: 'cloud', olderThanMs: 86_400_000, isDryRun: false };
    expect(await collectGarbage(core, request)).toEqual([]);
    await cloud.shelf.releaseClaim(ID, 'op');
    expect(await collectGarbage(core, request)).toMatchObject([{ kind: 'unpublished-image', subject: ID }]);
    expect([...bucket.objects.keys()].filter((key) => key.startsWith(`images/${ID}/`))).toEqual([]);
  });
});
