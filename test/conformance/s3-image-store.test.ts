import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createBucket } from '../../src/drivers/stores/s3/bucket/create-bucket.ts';
import { createS3Images } from '../../src/drivers/stores/s3/images/s3-images.ts';
import { createMirror } from '../../src/drivers/stores/s3/mirror/create-mirror.ts';
import { s3Target } from '../support/s3-target.ts';
import { describeImageStore, type StoreUnderTest } from './image-store.ts';
import { describeRecycling, describeRecyclingInPlace } from './recycled-images.ts';

async function makeStore(): Promise<StoreUnderTest> {
  const target = await s3Target();
  const bucketName = await target.newBucket();
  const bucket = createBucket(target.bucketOptions(bucketName));
  const rootPath = mkdtempSync(path.join(tmpdir(), 'dr-img-mirror-'));
  const mirror = createMirror(bucket, { rootPath, limitBytes: 1024 ** 3, imageGroup: 'kvm' });
  const store = createS3Images({ bucket, mirror, location: bucket.location, hostName: 'host-1', imageGroup: 'kvm' });
  return {
    store,
    dispose: async () => {
      rmSync(rootPath, { recursive: true, force: true });
      await target.dropBucket(bucketName);
    },
  };
}

describeImageStore('the S3 store', makeStore);
describeRecycling('the S3 store', makeStore);
describeRecyclingInPlace('the S3 store', makeStore);
