import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findGroup } from '../../src/drivers/stores/files/image-owner.ts';
import { createBucket } from '../../src/drivers/stores/s3/bucket/create-bucket.ts';
import type { Bucket, BucketOptions } from '../../src/drivers/stores/s3/bucket.ts';
import { createMirror } from '../../src/drivers/stores/s3/mirror/create-mirror.ts';
import { createS3Snapshots } from '../../src/drivers/stores/s3/snapshots/s3-snapshots.ts';
import type { SnapshotStore } from '../../src/model/ports/snapshot-store.ts';
import type { SnapshotRecord } from '../../src/model/snapshot/snapshot.ts';
import { expectFailure } from '../support/expect-failure.ts';
import { type S3Target, s3Target } from '../support/s3-target.ts';
import { SAMPLE_VOLUME, sampleSnapshot } from '../support/sample-snapshots.ts';
import { keepSnapshot, makeVolumeClaim } from '../support/snapshot-files.ts';
import { describeSnapshotStore } from './snapshot-store.ts';

const IMAGE_GROUP = 'kvm';

let target: S3Target;
let bucketName: string;

beforeAll(async () => {
  target = await s3Target();
  bucketName = await target.newBucket();
});
afterAll(async () => await target.dropBucket(bucketName));

/** A store of its own, in the bucket that all share. */
function newStore(): BucketOptions {
  const options = target.bucketOptions(bucketName);
  return { ...options, location: `s3://${path.posix.join(bucketName, randomUUID())}` };
}

function openStore(bucket: Bucket, rootPath: string, hostName = 'host-1'): SnapshotStore {
  const mirror = createMirror(bucket, { rootPath, limitBytes: 1024 ** 3, imageGroup: IMAGE_GROUP });
  return createS3Snapshots({ bucket, mirror, hostName, imageGroup: IMAGE_GROUP });
}

describeSnapshotStore('the snapshots in a bucket', async () => {
  const root = mkdtempSync(path.join(tmpdir(), 'dr-s3-snapshots-'));
  const options = newStore();
  const bucket = createBucket(options);
  const [here, there] = [path.join(root, 'here', 'not', 'yet'), path.join(root, 'there')];
  const store = openStore(bucket, here);
  return {
    store,
    other: openStore(createBucket(options), there, 'host-2'),
    nextDoor: openStore(createBucket(options), here),
    putRecord: async (key, content) => void (await bucket.put(`snapshots/${key.volume}/${key.id}.json`, content)),
    loseFile: async (key) => {
      await bucket.remove([`snapshots/${key.volume}/${key.id}.qcow2`]);
      rmSync(store.filePath(key));
    },
    dispose: async () => rmSync(root, { recursive: true, force: true }),
  };
});

describe('the snapshots in a bucket, as objects and files', () => {
  const snapshot = sampleSnapshot('a');
  let root: string;
  let bucket: Bucket;
  let store: SnapshotStore;
  let other: SnapshotStore;
  const keys = async () => (await bucket.list('')).map(({ key }) => key).sort();
  const folder = () => path.join(root, 'here', 'snapshots', SAMPLE_VOLUME);
  const access = (file: string) => {
    const { mode, uid, gid } = statSync(file);
    return `${(mode & 0o777).toString(8)} ${uid}:${gid}`;
  };

  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), 'dr-s3-snapshots-'));
    const options = newStore();
    bucket = createBucket(options);
    store = openStore(bucket, path.join(root, 'here'));
    other = openStore(createBucket(options), path.join(root, 'there'), 'host-2');
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it.each([0o000, 0o077])('have the documented names, owners and modes with umask %o', async (mask) => {
    const kvm = findGroup(readFileSync('/etc/group', 'utf8'), IMAGE_GROUP);
    const before = process.umask(mask);
    try {
      await store.claim(makeVolumeClaim(SAMPLE_VOLUME));
      await keepSnapshot(store, snapshot, { domainXml: '<domain/>' });
      await other.resolveFile(snapshot);
    } finally {
      process.umask(before);
    }
    const { id } = snapshot;
    const names = [`${id}.json`, `${id}.qcow2`, `${id}.qcow2.parts`, `${id}.xml`, 'lock'];
    expect(await keys()).toEqual(names.map((name) => `snapshots/${SAMPLE_VOLUME}/${name}`));
    for (const each of [store, other]) {
      expect(access(each.filePath(snapshot))).toBe(`440 0:${kvm}`);
      expect(access(path.dirname(each.filePath(snapshot)))).toBe('711 0:0');
    }
    expect(readdirSync(folder()).filter((name) => !name.startsWith('.'))).toEqual([`${id}.qcow2`]);
  });

  it('leave nothing but a lock that was given up when the last is removed', async () => {
    const claim = makeVolumeClaim(SAMPLE_VOLUME);
    await store.claim(claim);
    await keepSnapshot(store, snapshot, { domainXml: '<domain/>' });
    await store.remove(snapshot);
    await store.releaseClaim(SAMPLE_VOLUME, claim.operationId);
    expect(await keys()).toEqual([`snapshots/${SAMPLE_VOLUME}/lock`]);
    expect(existsSync(store.filePath(snapshot))).toBe(false);
  });

  describe('that stand on each other', () => {
    const [base, middle, top] = [
      sampleSnapshot('a'),
      sampleSnapshot('b', { parent: sampleSnapshot('a').id }),
      sampleSnapshot('c', { parent: sampleSnapshot('b').id }),
    ];

    beforeEach(async () => {
      await keepDisk(store, base, { parent: null, fill: 'a' });
      await keepDisk(store, middle, { parent: base, fill: 'b' });
      await keepDisk(store, top, { parent: middle, fill: 'c' });
    });

    it('are brought to another host as a chain that QEMU opens', async () => {
      expect([await store.isHere(top), await other.isHere(top)]).toEqual([true, false]);
      const file = await other.resolveFile(top);
      expect(file).toBe(other.filePath(top));
      expect(await other.isHere(top)).toBe(true);
      expect(chainOf(file)).toEqual([top, middle, base].map((each) => other.filePath(each)));
      expect(contentOf(file)).toEqual(contentOf(store.filePath(top)));
    });

    it('are brought anew where another host has merged one away, and read the same', async () => {
      const before = contentOf(await other.resolveFile(top));
      const draft = store.draft(top, 'merge');
      execFileSync('cp', [store.filePath(top), draft.path]);
      execFileSync('chmod', ['600', draft.path]);
      qemuImg('rebase', '-f', 'qcow2', '-F', 'qcow2', '-b', `${base.id}.qcow2`, draft.path);
      await draft.seal();
      await draft.moveIn();
      await store.update({ ...top, parent: base.id });
      await store.remove(middle);
      expect(chainOf(other.filePath(top))).toHaveLength(3);
      expect(await other.isHere(top)).toBe(false);
      const file = await other.resolveFile(top);
      expect(chainOf(file)).toEqual([top, base].map((each) => other.filePath(each)));
      expect(contentOf(file)).toEqual(before);
    });

    it('are damaged where one that another stands on is missing', async () => {
      await bucket.remove([`snapshots/${SAMPLE_VOLUME}/${base.id}.qcow2`]);
      const failure = await expectFailure(other.resolveFile(top), 'SNAPSHOT_DAMAGED');
      expect(failure.message).toContain(`the file of ${base.id}, which it stands on, is missing`);
      await expectFailure(other.resolveFile(base), 'SNAPSHOT_DAMAGED');
    });
  });
});

function qemuImg(...args: readonly string[]): string {
  return execFileSync('qemu-img', args, { encoding: 'utf8' });
}

/** A real disk of 1 MiB, of which a snapshot changes one block. */
async function keepDisk(
  store: SnapshotStore,
  snapshot: SnapshotRecord,
  disk: { readonly parent: SnapshotRecord | null; readonly fill: string },
): Promise<void> {
  const draft = store.draft(snapshot, 'create');
  const backing = disk.parent === null ? [] : ['-F', 'qcow2', '-b', `${disk.parent.id}.qcow2`];
  qemuImg('create', '-q', '-f', 'qcow2', ...backing, draft.path, '1M');
  const offset = disk.fill.charCodeAt(0) * 1024;
  execFileSync('qemu-io', ['-f', 'qcow2', '-c', `write -P ${disk.fill.charCodeAt(0)} ${offset} 1024`, draft.path]);
  await draft.seal();
  await draft.moveIn();
  await store.publish(snapshot, null);
}

function chainOf(file: string): readonly string[] {
  const chain: readonly { readonly filename: string }[] = JSON.parse(
    qemuImg('info', '--output=json', '--backing-chain', file),
  );
  return chain.map(({ filename }) => filename);
}

function contentOf(file: string): string {
  const raw = path.join(mkdtempSync(path.join(tmpdir(), 'dr-s3-content-')), 'raw');
  try {
    qemuImg('convert', '-f', 'qcow2', '-O', 'raw', file, raw);
    return readFileSync(raw, 'hex');
  } finally {
    rmSync(path.dirname(raw), { recursive: true });
  }
}
