import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createMirror } from '../../../../../../src/drivers/stores/s3/mirror/create-mirror.ts';
import type { Mirror } from '../../../../../../src/drivers/stores/s3/mirror.ts';
import { createS3Snapshots } from '../../../../../../src/drivers/stores/s3/snapshots/s3-snapshots.ts';
import { DarkroomError, type ErrorCode } from '../../../../../../src/model/errors.ts';
import type { SnapshotStore } from '../../../../../../src/model/ports/snapshot-store.ts';
import type { SnapshotRecord } from '../../../../../../src/model/snapshot/snapshot.ts';
import { createFakeBucket, type FakeBucket } from '../../../../../support/fake-bucket.ts';
import { SAMPLE_VOLUME } from '../../../../../support/sample-snapshots.ts';

export const HOST = 'host-1';

export type S3SnapshotsFixture = ReturnType<typeof createS3SnapshotsFixture>;

/** A bucket of snapshots, and what this host has of it. */
export function createS3SnapshotsFixture() {
  const root = mkdtempSync(path.join(tmpdir(), 'dr-s3-snapshots-'));
  const bucket = createFakeBucket();
  const mirrorIn = (folder: string, of: FakeBucket): Mirror =>
    createMirror(of, { rootPath: path.join(root, folder), limitBytes: 1024 ** 3, imageGroup: '0' });
  const mirror = mirrorIn('here', bucket);
  const openStore = (
    changed: { readonly bucket?: Partial<FakeBucket>; readonly mirror?: Partial<Mirror> } = {},
  ): SnapshotStore =>
    createS3Snapshots({
      bucket: { ...bucket, ...changed.bucket },
      mirror: { ...mirror, ...changed.mirror },
      hostName: HOST,
      imageGroup: '0',
    });
  return {
    root,
    bucket,
    openStore,
    store: openStore(),
    /** The store as another host has it. */
    openElsewhere: ({ bucket: theirs = bucket, folder = 'there' } = {}): SnapshotStore =>
      createS3Snapshots({
        bucket: theirs,
        mirror: mirrorIn(folder, theirs),
        hostName: 'host-2',
        imageGroup: '0',
      }),
    dispose: (): void => rmSync(root, { recursive: true, force: true }),
  };
}

export function keyOf({ id }: Pick<SnapshotRecord, 'id'>, suffix: string): string {
  return `snapshots/${SAMPLE_VOLUME}/${id}${suffix}`;
}

export function failing(code: ErrorCode = 'STORE_WRITE_FAILED'): () => Promise<never> {
  return () => Promise.reject(new DarkroomError(code, 'no answer'));
}
