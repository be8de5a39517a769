import type { OpenStore } from '../../../model/ports/stores.ts';
import type { StoreDescription } from '../../../model/store.ts';
import { createBucket } from './bucket/create-bucket.ts';
import type { BucketOptions } from './bucket.ts';
import { createS3Images } from './images/s3-images.ts';
import { createMirror } from './mirror/create-mirror.ts';
import type { MirrorOptions } from './mirror.ts';
import { isPinWanted } from './pin-owners.ts';
import { createS3Shelf } from './shelf/s3-shelf.ts';
import { createS3Snapshots } from './snapshots/s3-snapshots.ts';
import { createS3Upkeep } from './upkeep.ts';

export interface S3StoreOptions {
  readonly description: StoreDescription;
  readonly bucket: BucketOptions;
  readonly mirror: MirrorOptions;
  readonly hostName: string;
}

/** A store in a bucket. Nothing is touched, and no client loaded, before the first call. */
export function createS3Store(options: S3StoreOptions): OpenStore {
  const { description, hostName } = options;
  const bucket = createBucket(options.bucket);
  const mirror = createMirror(bucket, {
    ...options.mirror,
    isWanted: (prefix, name) => isPinWanted({ bucket, hostName }, prefix, name),
  });
  const { location } = description;
  const { imageGroup } = options.mirror;
  const images = createS3Images({ bucket, mirror, location, hostName, imageGroup });
  return {
    description,
    images,
    shelf: createS3Shelf({ bucket }),
    snapshots: createS3Snapshots({ bucket, mirror, hostName, imageGroup }),
    upkeep: createS3Upkeep({ bucket, mirror, images }),
  };
}
