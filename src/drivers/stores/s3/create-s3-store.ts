import { DarkroomError } from '../../../model/errors.ts';
import type { OpenStore } from '../../../model/ports/stores.ts';
import type { StoreDescription } from '../../../model/store.ts';
import { createBucket } from './bucket/create-bucket.ts';
import type { BucketOptions } from './bucket.ts';
import { createS3Images } from './images/s3-images.ts';
import { createMirror } from './mirror/create-mirror.ts';
import type { MirrorOptions } from './mirror.ts';

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
  const mirror = createMirror(bucket, options.mirror);
  const { location } = description;
  return {
    description,
    images: createS3Images({ bucket, mirror, location, hostName, imageGroup: options.mirror.imageGroup }),
    // createS3Shelf({ bucket })
    get shelf() {
      return toCome();
    },
    // createS3Snapshots({ bucket, mirror, hostName })
    get snapshots() {
      return toCome();
    },
    // createS3Upkeep({ bucket, mirror })
    get upkeep() {
      return toCome();
    },
  };
}

function toCome(): never {
  throw new DarkroomError('INTERNAL', 'to come');
}
