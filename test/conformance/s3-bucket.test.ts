import { createBucket } from '../../src/drivers/stores/s3/bucket/create-bucket.ts';
import { s3Target } from '../support/s3-target.ts';
import { describeBucket } from './bucket.ts';

describeBucket('a bucket of Ceph', async () => {
  const target = await s3Target();
  const name = await target.newBucket();
  const options = target.bucketOptions(name, { partBytes: 5 * 1024 * 1024 });
  return { bucket: createBucket(options), other: createBucket(options), dispose: () => target.dropBucket(name) };
});

describeBucket('a bucket of Ceph, without a prefix', async () => {
  const target = await s3Target();
  const name = await target.newBucket();
  const options = target.bucketOptions(name, { partBytes: 5 * 1024 * 1024, location: `s3://${name}` });
  return { bucket: createBucket(options), other: createBucket(options), dispose: () => target.dropBucket(name) };
});
