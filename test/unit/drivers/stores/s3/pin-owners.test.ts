import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { serialiseSnapshotRecord } from '../../../../../src/drivers/stores/documents/snapshot-record.ts';
import { createMirror } from '../../../../../src/drivers/stores/s3/mirror/create-mirror.ts';
import type { Mirror } from '../../../../../src/drivers/stores/s3/mirror.ts';
import { isPinWanted } from '../../../../../src/drivers/stores/s3/pin-owners.ts';
import { DarkroomError } from '../../../../../src/model/errors.ts';
import { createFakeBucket, type FakeBucket } from '../../../../support/fake-bucket.ts';
import { sampleSnapshot } from '../../../../support/sample-snapshots.ts';

const HOURS_AGO = new Date(Date.now() - 5 * 60 * 60 * 1000);
const IMAGE = `images/${randomUUID()}/`;
const USER = randomUUID();
const snapshot = sampleSnapshot('a');
const RECORD = `snapshots/${snapshot.volume}/${snapshot.id}.json`;
const FILE = `snapshots/${snapshot.volume}/${snapshot.id}.qcow2`;

let root: string;
let bucket: FakeBucket;
let mirror: Mirror;

/** An image that an instance uses, a snapshot that a thin volume stands on, and a draft: pinned for hours. */
beforeEach(async () => {
  root = mkdtempSync(path.join(tmpdir(), 'dr-shf-pins-'));
  bucket = createFakeBucket();
  const isWanted = (prefix: string, name: string) => isPinWanted({ bucket, hostName: 'host-1' }, prefix, name);
  mirror = createMirror(bucket, { rootPath: root, limitBytes: 100, imageGroup: '0', isWanted });
  await bucket.put(`${IMAGE}users/${USER}.json`, '{}');
  await putRecord('host-1');
  for (const [prefix, name] of [
    [IMAGE, USER],
    [IMAGE, 'draft'],
    [FILE, snapshot.id],
  ] as const) {
    await mirror.pin(prefix, name);
  }
  for (const name of pins()) utimesSync(path.join(root, '.pins', name), HOURS_AGO, HOURS_AGO);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const putRecord = (host: string) =>
  bucket.put(
    RECORD,
    serialiseSnapshotRecord({ ...snapshot, users: [{ host, path: '/x', since: snapshot.createdAt }] }),
  );

function pins(): readonly string[] {
  const folder = path.join(root, '.pins');
  return readdirSync(folder).flatMap((prefix) =>
    readdirSync(path.join(folder, prefix)).map((name) => `${prefix}/${name}`),
  );
}

it('keeps what users of this host want', async () => {
  await mirror.free(1);
  expect(pins()).toHaveLength(3);
});

it('drops what another host said nobody wants any more', async () => {
  await bucket.remove([`${IMAGE}users/${USER}.json`]);
  await putRecord('host-2');
  await mirror.free(1);
  expect(pins()).toEqual([`${encodeURIComponent(IMAGE)}/draft`]);
});

it('drops what was wanted of a snapshot that is gone, also when a copy needs room', async () => {
  await bucket.remove([RECORD]);
  await bucket.put('images/b/disk', 'b'.repeat(200));
  await mirror.fetch('images/b/disk');
  expect(pins()).toHaveLength(2);
});

it('keeps all while the store does not say', async () => {
  await bucket.remove([RECORD]);
  const fail = () => Promise.reject(new DarkroomError('STORE_UNUSABLE', 'no network'));
  Object.assign(bucket, { head: fail, get: fail });
  await mirror.free(1);
  expect(pins()).toHaveLength(3);
});

it('keeps what is so young that its user may be about to be recorded', async () => {
  await bucket.remove([RECORD, `${IMAGE}users/${USER}.json`]);
  for (const name of pins()) utimesSync(path.join(root, '.pins', name), new Date(), new Date());
  await mirror.free(1);
  expect(pins()).toHaveLength(3);
});
