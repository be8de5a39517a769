import { DarkroomError } from '../../../model/errors.ts';
import type { OpenStore } from '../../../model/ports/stores.ts';
import type { StoreDescription } from '../../../model/store.ts';
import type { BucketOptions } from './bucket.ts';
import type { MirrorOptions } from './mirror.ts';

export interface S3StoreOptions {
  readonly description: StoreDescription;
  readonly bucket: BucketOptions;
  readonly mirror: MirrorOptions;
  readonly hostName: string;
}

/** A store in a bucket. Nothing is touched, and no client loaded, before the first call. */
export function createS3Store(_options: S3StoreOptions): OpenStore {
  throw new DarkroomError('INTERNAL', 'to come');
}
