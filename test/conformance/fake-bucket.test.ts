import { createFakeBucket, type FakeObject } from '../support/fake-bucket.ts';
import { describeBucket } from './bucket.ts';

describeBucket('the bucket in memory', async () => {
  const objects = new Map<string, FakeObject>();
  return { bucket: createFakeBucket(objects), other: createFakeBucket(objects), dispose: async () => undefined };
});
