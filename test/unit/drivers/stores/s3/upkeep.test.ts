import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createS3Images } from '../../../../../src/drivers/stores/s3/images/s3-images.ts';
import { createMirror } from '../../../../../src/drivers/stores/s3/mirror/create-mirror.ts';
import { createS3Shelf } from '../../../../../src/drivers/stores/s3/shelf/s3-shelf.ts';
import { createS3Snapshots } from '../../../../../src/drivers/stores/s3/snapshots/s3-snapshots.ts';
import { createS3Upkeep } from '../../../../../src/drivers/stores/s3/upkeep.ts';
import { createFakeBucket, type FakeBucket } from '../../../../support/fake-bucket.ts';
import { fillDraft, makeImage, publishImage } from '../../../../support/sample-images.ts';
import { makeClaim, makeShelved } from '../../../../support/sample-shelf.ts';
import { SAMPLE_VOLUME, sampleSnapshot } from '../../../../support/sample-snapshots.ts';
import { keepSnapshot, makeVolumeClaim } from '../../../../support/snapshot-files.ts';

const OLD = '2025-01-01T00:00:00.000Z';
const NOTE = { deletedAt: OLD, deletedBy: null, expiresAt: '2126-01-01T00:00:00.000Z' };
const IMAGE_GROUP = '0';

let root: string;
let bucket: FakeBucket;
let store: ReturnType<typeof open>;

beforeEach(() => {
  root = mkdtempSync('/var/tmp/dr-s3up-');
  bucket = createFakeBucket();
  store = open();
});
afterEach(() => rmSync(root, { recursive: true }));

function open() {
  const mirror = createMirror(bucket, { rootPath: root, limitBytes: 1e9, imageGroup: IMAGE_GROUP });
  const parts = { bucket, mirror, location: bucket.location, hostName: 'host-a', imageGroup: IMAGE_GROUP };
  const images = createS3Images(parts);
  return {
    images,
    mirror,
    shelf: createS3Shelf(parts),
    snapshots: createS3Snapshots(parts),
    upkeep: createS3Upkeep({ bucket, mirror, images }),
  };
}

function put(key: string, content = 'x', modifiedAt = OLD): void {
  bucket.objects.set(key, { content: Buffer.from(content), etag: `"${randomUUID()}"`, modifiedAt });
}

/** By kind and subject. */
async function seen(): Promise<readonly string[]> {
  const findings = await store.upkeep.findFaults();
  return findings
    .map(({ kind, subject, isRemovable }) => `${kind} ${subject}${isRemovable ? ' removable' : ''}`)
    .sort();
}

async function removeAll(): Promise<readonly boolean[]> {
  const removed: boolean[] = [];
  for (const finding of await store.upkeep.findFaults()) removed.push(await store.upkeep.removeFault(finding));
  return removed;
}

describe('a store in a bucket', () => {
  it('has no faults with all that Darkroom keeps there, nor where there is nothing', async () => {
    expect(await seen()).toEqual([]);
    await store.images.assertWritable();
    const [image, deleted] = [makeImage(randomUUID()), makeImage(randomUUID())];
    await publishImage(store.images, image);
    await publishImage(store.images, deleted);
    await store.images.recycleImage(deleted.id, NOTE);
    const user = { instanceId: randomUUID(), instanceName: 'web', host: 'host-a', since: OLD };
    await store.images.addUser(image.id, user);
    await store.shelf.write(makeShelved(randomUUID(), { imageId: image.id }));
    const claim = makeClaim(randomUUID());
    await store.shelf.claim(claim);
    await store.shelf.releaseClaim(claim.instanceId, claim.operationId);
    await keepSnapshot(store.snapshots, sampleSnapshot('a', { sizeBytes: 36 }), { domainXml: '<domain/>' });
    await store.snapshots.claim(makeVolumeClaim(SAMPLE_VOLUME));
    expect(await seen()).toEqual([]);
    await store.images.restoreImage(deleted.id);
    expect(await seen()).toEqual([]);
  });

  it('names an image in the making, which can go with all that it has, here too', async () => {
    const image = makeImage(randomUUID());
    const draft = await store.images.createDraft(image.id);
    await fillDraft(draft, image);
    expect(await seen()).toEqual([`unpublished-image ${image.id} removable`]);
    expect(await removeAll()).toEqual([true]);
    expect([...bucket.objects.keys()].filter((key) => key.includes(image.id))).toEqual([]);
    expect(existsSync(draft.sealedPath('disk-vda.qcow2'))).toBe(false);
  });

  it('does not remove an image that was finished since it was found, nor what a shelved instance will need', async () => {
    const [image, needed] = [makeImage(randomUUID()), randomUUID()];
    const draft = await store.images.createDraft(image.id);
    await fillDraft(draft, image);
    put(`images/${needed}/nvram.fd`);
    await store.shelf.write(makeShelved(randomUUID(), { imageId: needed, isImageDeferred: true }));
    const [finding, ...others] = await store.upkeep.findFaults();
    expect(others).toEqual([]);
    await draft.publish(image);
    if (finding !== undefined) expect(await store.upkeep.removeFault(finding)).toBe(false);
    expect(await store.images.readImage(image.id)).toEqual(image);
    expect(bucket.objects.has(`images/${needed}/nvram.fd`)).toBe(true);
  });

  it('names objects that are missing, of another length, or of nobody, and checksums of what is not there', async () => {
    const [whole, short] = [makeImage(randomUUID()), makeImage(randomUUID())];
    for (const image of [whole, short]) await publishImage(store.images, image);
    put(`images/${short.id}/disk-vda.qcow2`, 'abc');
    const lost = sampleSnapshot('a', { sizeBytes: 36 });
    await keepSnapshot(store.snapshots, lost);
    bucket.objects.delete(`snapshots/${SAMPLE_VOLUME}/${lost.id}.qcow2`);
    const orphan = `snapshots/${SAMPLE_VOLUME}/${sampleSnapshot('b').id}.qcow2`;
    for (const key of [orphan, `${orphan}.parts`]) put(key);
    const parts = `images/${whole.id}/disk-vdb.qcow2.parts`;
    for (const key of [parts, `images/${whole.id}/notes`, 'notes']) put(key);
    expect(await seen()).toEqual([
      `missing-file ${lost.id}`,
      `unfinished-upload ${parts} removable`,
      `unknown-file images/${whole.id}/notes`,
      'unknown-file notes',
      `unpublished-snapshot ${orphan} removable`,
      `unpublished-snapshot ${orphan}.parts removable`,
      `wrong-size ${short.id}`,
    ]);
    expect((await removeAll()).filter(Boolean)).toHaveLength(3);
    expect((await seen()).filter((line) => line.endsWith('removable'))).toEqual([]);
  });

  it('names uploads that nobody completed, and aborts just the one that was found', async () => {
    const key = `images/${randomUUID()}/disk-vda.qcow2`;
    const upload = { key, uploadId: 'one', startedAt: OLD };
    bucket.uploads.add(upload);
    const [finding] = await store.upkeep.findFaults();
    expect(finding).toMatchObject({ kind: 'unfinished-upload', subject: key, since: OLD, bytes: null });
    bucket.uploads.add({ key, uploadId: 'two', startedAt: '2026-01-01T00:00:00.000Z' });
    if (finding !== undefined) expect(await store.upkeep.removeFault(finding)).toBe(true);
    expect([...bucket.uploads].map(({ uploadId }) => uploadId)).toEqual(['two']);
  });

  it('names purges that were cut short more than an hour ago, and ends them', async () => {
    const states = { purging: randomUUID(), restoring: randomUUID(), recycled: randomUUID() } as const;
    for (const [state, id] of Object.entries(states)) {
      put(`images/${id}/disk-vda.qcow2`);
      put(`images/${id}/recycled.json`, JSON.stringify({ version: 1, state, note: null, manifest: null }));
    }
    const young = randomUUID();
    const text = JSON.stringify({ version: 1, state: 'purging', note: null, manifest: null });
    put(`images/${young}/recycled.json`, text, new Date().toISOString());
    const wanted = [`half-deleted ${states.purging} removable`, `half-deleted ${states.restoring}`];
    expect(await seen()).toEqual(wanted.sort());
    expect((await removeAll()).filter(Boolean)).toHaveLength(1);
    expect([...bucket.objects.keys()].filter((key) => key.includes(states.purging))).toEqual([]);
    expect(bucket.objects.has(`images/${states.recycled}/disk-vda.qcow2`)).toBe(true);
  });

  it('names what was written on this host for it and never got there', async () => {
    const id = randomUUID();
    const draft = await store.images.createDraft(id);
    writeFileSync(draft.path('disk-vda.qcow2'), 'half');
    const file = path.join(root, 'images', id, '.disk-vda.qcow2.partial');
    expect(await seen()).toEqual([`unfinished-upload ${file} removable`, `unpublished-image ${id} removable`]);
    const [finding] = (await store.upkeep.findFaults()).filter(({ subject }) => subject === file);
    if (finding === undefined) throw new Error('not found');
    expect(await store.upkeep.removeFault({ ...finding, subject: '/etc/hostname' })).toBe(false);
    expect(await store.upkeep.removeFault(finding)).toBe(true);
    expect(existsSync(file)).toBe(false);
  });
});
