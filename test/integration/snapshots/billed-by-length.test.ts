import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMirror } from '../../../src/drivers/stores/s3/mirror/create-mirror.ts';
import { createS3Snapshots } from '../../../src/drivers/stores/s3/snapshots/s3-snapshots.ts';
import { deleteSnapshot } from '../../../src/operations/delete-snapshot.ts';
import { planSnapshotDelete } from '../../../src/operations/plan-snapshot-delete.ts';
import { createFakeBucket, type FakeBucket } from '../../support/fake-bucket.ts';
import { createFakeImageStore } from '../../support/fake-image-store.ts';
import { runToEnd } from '../../support/image-core.ts';
import { type ChainFixture, createChainFixture, MIB, type Write } from './chain-fixture.ts';

let bucket: FakeBucket;
let fixture: ChainFixture;

beforeEach(() => {
  bucket = createFakeBucket();
  fixture = createChainFixture('/var/tmp', (rootPath) => {
    const mirror = createMirror(bucket, { rootPath, limitBytes: 1e9, imageGroup: '0' });
    return createS3Snapshots({ bucket, mirror, hostName: 'host-a', imageGroup: '0' });
  });
});
afterEach(() => fixture.dispose());

const core = () => fixture.core({ store: { ...createFakeImageStore(), keepsFilesHere: false } });

/** What the server bills. */
function objectBytes(): number {
  const disks = [...bucket.objects].filter(([key]) => key.endsWith('.qcow2'));
  return disks.reduce((sum, [, { content }]) => sum + content.length, 0);
}

/** A snapshot and one on it, of volumes of so many MiB. */
async function take(
  base: readonly Write[],
  child: readonly Write[],
  sizes: readonly [number, number] = [8, 8],
): Promise<void> {
  await fixture.take({ letter: 'a', writes: base, facts: { logicalBytes: sizes[0] * MIB } });
  await fixture.take({ letter: 'b', parent: 'a', writes: child, facts: { logicalBytes: sizes[1] * MIB } });
}

async function deleteBase() {
  const planned = await planSnapshotDelete(core(), fixture.idOf('a'));
  const before = objectBytes();
  const operation = await runToEnd(core(), deleteSnapshot, { kind: 'snapshot.delete', snapshot: fixture.idOf('a') });
  expect(operation).toMatchObject({ error: null, warnings: [] });
  expect(await fixture.changed(['b'])).toEqual([]);
  expect(operation.result.freedBytes).toBe(before - objectBytes());
  return { planned, freedBytes: before - objectBytes() };
}

const write = (pattern: number, offset: number, length: number): Write => ({
  pattern,
  offset: offset * MIB,
  length: length * MIB,
});

describe('a dry run of a delete, in a store that bills the length of objects', () => {
  it.each([
    ['overwrites', [write(1, 0, 2)], [write(2, 1, 1)]],
    ['adds', [write(1, 0, 2)], [write(2, 3, 2)]],
    ['does both, here and there', [write(1, 0, 1), write(2, 4, 1)], [write(3, 0.5, 1), write(4, 4.5, 2)]],
    ['does nothing', [write(1, 0, 2)], []],
  ])('says to the byte what is freed where the next one %s', async (_what, base, child) => {
    await take(base, child);
    const { planned, freedBytes } = await deleteBase();
    expect(planned).toMatchObject({ freedBytes, isEstimate: false });
  });

  it('says to the byte what the last one of a chain frees', async () => {
    await take([write(1, 0, 2)], [write(2, 1, 1)]);
    const planned = await planSnapshotDelete(core(), fixture.idOf('b'));
    expect(planned).toMatchObject({ freedBytes: (await fixture.record('b')).sizeBytes, isEstimate: false });
  });

  it('promises nothing of the holes that a merge leaves in a file', async () => {
    await take([write(1, 0, 2)], [write(0, 1, 1)]);
    const { sizeBytes } = await fixture.record('b');
    const { planned, freedBytes } = await deleteBase();
    expect(planned).toMatchObject({ freedBytes, isEstimate: true });
    expect(freedBytes).toBe(sizeBytes);
  });

  it('expects what is written behind the holes to fill them, and says that it is an estimate', async () => {
    await take([write(1, 0, 3)], [write(0, 1, 1), write(2, 4, 2)]);
    const { planned, freedBytes } = await deleteBase();
    expect(planned).toMatchObject({ freedBytes, isEstimate: true });
  });

  it('is an estimate that promises no more than is freed where the volume shrank', async () => {
    await take([write(1, 0, 2), write(2, 12, 2)], [write(3, 1, 2)], [16, 8]);
    const { planned, freedBytes } = await deleteBase();
    expect(planned.isEstimate).toBe(true);
    expect(planned.freedBytes).toBeLessThanOrEqual(freedBytes);
    expect(planned.freedBytes).toBeGreaterThan(freedBytes - MIB);
  });
});
