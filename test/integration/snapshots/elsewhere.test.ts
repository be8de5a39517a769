import { existsSync, mkdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDirectorySnapshots } from '../../../src/drivers/stores/directory/directory-snapshots.ts';
import { createMirror } from '../../../src/drivers/stores/s3/mirror/create-mirror.ts';
import { createS3Snapshots } from '../../../src/drivers/stores/s3/snapshots/s3-snapshots.ts';
import type { Operation } from '../../../src/model/operation.ts';
import { copySnapshot } from '../../../src/operations/copy-snapshot.ts';
import { deleteSnapshot } from '../../../src/operations/delete-snapshot.ts';
import { showSnapshot } from '../../../src/operations/list-snapshots.ts';
import { planSnapshotDelete } from '../../../src/operations/plan-snapshot-delete.ts';
import { fillExclusive } from '../../../src/operations/steps/snapshot/fill-exclusive.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { verifySnapshot } from '../../../src/operations/verify-snapshot.ts';
import { createFakeBucket, type FakeBucket } from '../../support/fake-bucket.ts';
import { createFakeStores } from '../../support/fake-stores.ts';
import { runCancelled, runToEnd } from '../../support/image-core.ts';
import { SAMPLE_VOLUME } from '../../support/sample-snapshots.ts';
import { makeVolumeClaim } from '../../support/snapshot-files.ts';
import { type ChainFixture, createChainFixture, MIB } from './chain-fixture.ts';

const SMALL = { logicalBytes: 8 * MIB };

let bucket: FakeBucket;
let fixture: ChainFixture;
/** Of another host, which has no copies yet. */
let other: Core['snapshots'];

/** a, b on it, and c on that. */
beforeEach(async () => {
  bucket = createFakeBucket();
  fixture = createChainFixture('/var/tmp', (location) => open(location, 'host-a'));
  await fixture.take({ letter: 'a', facts: SMALL, writes: [{ pattern: 1, offset: 0, length: 2 * MIB }] });
  await fixture.take({ letter: 'b', parent: 'a', facts: SMALL, writes: [{ pattern: 2, offset: MIB, length: MIB }] });
  await fixture.take({ letter: 'c', parent: 'b', facts: SMALL, writes: [{ pattern: 3, offset: 0, length: MIB }] });
  other = open(fixture.path('other'), 'host-b');
});
afterEach(() => fixture.dispose());

function open(rootPath: string, hostName: string, of = bucket): Core['snapshots'] {
  const mirror = createMirror(of, { rootPath, limitBytes: 1e9, imageGroup: '0' });
  return createS3Snapshots({ bucket: of, mirror, hostName, imageGroup: '0' });
}

const keyOf = (letter: string, suffix: string) => `snapshots/${SAMPLE_VOLUME}/${fixture.idOf(letter)}${suffix}`;
const request = (letter: string) => ({ kind: 'snapshot.delete', snapshot: fixture.idOf(letter) }) as const;
const deleteThere = (letter: string) =>
  runToEnd(fixture.core({ snapshots: other, hostName: 'host-b' }), deleteSnapshot, request(letter));

describe('snapshot verify, in a store elsewhere', () => {
  const verify = (letter: string) =>
    runToEnd(fixture.core(), verifySnapshot, {
      kind: 'snapshot.verify',
      snapshot: fixture.idOf(letter),
      isDeep: false,
    });

  it('reads what the store holds, each file once, and finds it whole', async () => {
    bucket.calls.length = 0;
    expect((await verify('c')).error).toBeNull();
    const fetched = bucket.calls.filter((call) => call.startsWith('download'));
    expect(fetched).toEqual(['a', 'b', 'c'].map((letter) => `download ${keyOf(letter, '.qcow2')}`));
  });

  it('finds what the store holds damaged, whatever copy is here, and keeps that', async () => {
    const stored = bucket.objects.get(keyOf('b', '.qcow2'));
    if (stored === undefined) throw new Error('b was stored');
    const content = Buffer.from(stored.content);
    content.write('damage', content.length - 100);
    // as a disk does it: the object keeps its etag
    bucket.objects.set(keyOf('b', '.qcow2'), { ...stored, content });
    const { error } = await verify('c');
    expect(error).toMatchObject({ code: 'VERIFY_FAILED', message: expect.stringContaining(fixture.idOf('b')) });
    expect(await fixture.record('b')).toMatchObject({ status: 'error' });
    expect(await fixture.record('a')).toMatchObject({ status: 'active' });
    expect(await fixture.changed(['a', 'b', 'c'])).toEqual([]);
  });
});

describe('snapshot copy, from and to a store elsewhere of which nothing is here yet', () => {
  const request = (location: string) =>
    ({ kind: 'snapshot.copy', snapshot: fixture.idOf('c'), store: location }) as const;
  const core = (there: Core['snapshots']) =>
    fixture.core({
      snapshots: other,
      stores: createFakeStores({ default: { snapshots: other }, there: { snapshots: there } }),
    });

  it('says how much of the chain has come, and ends with its signal', async () => {
    const there = open(fixture.path('not/yet'), 'host-b', createFakeBucket());
    const bytes = (await other.list()).snapshots.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    let isSeen = false;
    const isTime = ({ step, progress }: Operation): boolean => {
      isSeen ||= step === 'fetch' && progress?.total === bytes;
      return isSeen;
    };
    const { download } = bucket;
    const slow: FakeBucket['download'] = async (entry, file, options) => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return await download(entry, file, options);
    };
    Object.assign(bucket, { download: slow });
    const { status } = await runCancelled(core(there), copySnapshot, { request: request('there'), isTime });
    expect({ isSeen, status }).toEqual({ isSeen: true, status: 'cancelled' });
    expect((await there.list()).snapshots).toEqual([]);
  });

  it('brings a chain to a folder', async () => {
    const folder = fixture.path('folder');
    mkdirSync(folder);
    const there = createDirectorySnapshots({ location: folder, imageGroup: '0' });
    expect((await runToEnd(core(there), copySnapshot, request('there'))).error).toBeNull();
    expect((await there.list()).snapshots).toHaveLength(3);
  });

  it('brings a chain to another bucket', async () => {
    const there = open(fixture.path('not/yet'), 'host-b', createFakeBucket());
    expect((await runToEnd(core(there), copySnapshot, request('there'))).error).toBeNull();
    expect((await there.list()).snapshots).toHaveLength(3);
  });

  it('says what to do about a claim of a host that is gone for good', async () => {
    const there = open(fixture.path('not/yet'), 'host-b', createFakeBucket());
    await there.claim(makeVolumeClaim(SAMPLE_VOLUME, 'host-x'));
    const { error } = await runToEnd(core(there), copySnapshot, request('there'));
    expect(error?.code).toBe('VOLUME_BUSY');
    expect(error?.message).toContain(`delete the object s3://fake/darkroom/snapshots/${SAMPLE_VOLUME}/lock`);
  });
});

describe('what deleting a snapshot would free, in a store elsewhere', () => {
  it('is noted by a host that has the files, and left unknown by one that would have to fetch them', async () => {
    const downloads = () => bucket.calls.filter((call) => call.startsWith('download'));
    await fillExclusive(fixture.core({ snapshots: other }), SAMPLE_VOLUME);
    expect(downloads()).toEqual([]);
    expect(await fixture.record('a')).toMatchObject({ exclusive: null });
    const shown = await showSnapshot(fixture.core({ snapshots: other }), fixture.idOf('a'));
    expect(shown).toMatchObject({ exclusiveBytes: null });
    await fillExclusive(fixture.core(), SAMPLE_VOLUME);
    expect(downloads()).toEqual([]);
    expect(await fixture.record('a')).toMatchObject({ exclusive: { children: [fixture.idOf('b')] } });
    const known = await showSnapshot(fixture.core({ snapshots: other }), fixture.idOf('a'));
    expect(known.exclusiveBytes).toEqual(expect.any(Number));
  });

  it('is told by a dry run all the same', async () => {
    const core = fixture.core({ snapshots: other });
    expect((await planSnapshotDelete(core, fixture.idOf('a'))).freedBytes).toEqual(expect.any(Number));
  });
});

describe('a snapshot whose record is broken, in a store elsewhere', () => {
  it('keeps all that it stands on, on a host that has no copy of it', async () => {
    await bucket.put(keyOf('c', '.json'), 'not a record');
    expect(existsSync(other.filePath({ id: fixture.idOf('c'), volume: SAMPLE_VOLUME }))).toBe(false);
    expect((await deleteThere('b')).error).toBeNull();
    expect(await fixture.record('b')).toMatchObject({ isDeleted: true });
    expect(bucket.objects.has(keyOf('b', '.qcow2'))).toBe(true);
    expect(await fixture.changed(['a', 'b', 'c'])).toEqual([]);
  });

  it('keeps nothing where its file is gone too', async () => {
    await bucket.put(keyOf('c', '.json'), 'not a record');
    await bucket.remove([keyOf('c', '.qcow2')]);
    expect((await deleteThere('b')).error).toBeNull();
    expect(bucket.objects.has(keyOf('b', '.qcow2'))).toBe(false);
  });

  it('lets nothing go while the store does not say what it stands on', async () => {
    await bucket.put(keyOf('c', '.json'), 'not a record');
    bucket.objects.delete(keyOf('b', '.qcow2'));
    await expect(deleteThere('a')).rejects.toMatchObject({ code: 'SNAPSHOT_DAMAGED' });
    expect(bucket.objects.has(keyOf('a', '.qcow2'))).toBe(true);
  });
});
