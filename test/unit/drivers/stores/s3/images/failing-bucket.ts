import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Bucket } from '../../../../../../src/drivers/stores/s3/bucket.ts';
import { createS3Images } from '../../../../../../src/drivers/stores/s3/images/s3-images.ts';
import { createMirror } from '../../../../../../src/drivers/stores/s3/mirror/create-mirror.ts';
import type { Mirror } from '../../../../../../src/drivers/stores/s3/mirror.ts';
import { DarkroomError } from '../../../../../../src/model/errors.ts';
import type { ImageStore } from '../../../../../../src/model/ports/image-store.ts';
import { createFakeBucket, type FakeBucket, type FakeObject } from '../../../../../support/fake-bucket.ts';

export interface TestHost {
  readonly store: ImageStore;
  readonly mirror: Mirror;
  readonly bucket: FakeBucket;
  readonly dispose: () => void;
}

/** One host of those that share `objects`. `isCut` says of each call of the bucket whether the host dies before it. */
export function makeHost(
  objects: Map<string, FakeObject>,
  options: {
    readonly hostName?: string;
    readonly isCut?: (call: string) => boolean;
    readonly limitBytes?: number;
  } = {},
): TestHost {
  const { hostName = 'host-1', isCut = () => false, limitBytes = 1e9 } = options;
  const rootPath = mkdtempSync(path.join(tmpdir(), 'dr-img-unit-'));
  const bucket = createFakeBucket(objects);
  const cut = cutOff(bucket, isCut);
  const mirror = createMirror(cut, { rootPath, limitBytes, imageGroup: '0' });
  const store = createS3Images({ bucket: cut, mirror, location: 's3://fake', hostName, imageGroup: '0' });
  return { store, mirror, bucket, dispose: () => rmSync(rootPath, { recursive: true, force: true }) };
}

/** From the first call on that it says, nothing is done any more: as of a host that died, or lost its network. */
function cutOff(bucket: FakeBucket, isCut: (call: string) => boolean): Bucket {
  let isDead = false;
  const guard = (call: string): void => {
    isDead ||= isCut(call);
    if (isDead) throw new DarkroomError('STORE_WRITE_FAILED', `cut off at ${call}`);
  };
  return {
    ...bucket,
    put: async (key, content, condition) => {
      guard(`put ${key}`);
      return await bucket.put(key, content, condition);
    },
    remove: async (keys) => {
      for (const key of keys) {
        guard(`remove ${key}`);
        await bucket.remove([key]);
      }
    },
    upload: async (key, file, uploadOptions) => {
      guard(`upload ${key}`);
      return await bucket.upload(key, file, uploadOptions);
    },
    abortUploads: async (prefix, uploadId) => {
      guard(`abortUploads ${prefix}`);
      await bucket.abortUploads(prefix, uploadId);
    },
  };
}
