import { DarkroomError } from '../../../../model/errors.ts';
import type { Bucket, BucketOptions } from '../bucket.ts';
import { createConnection } from './connection.ts';
import { headObject } from './head-object.ts';
import { listObjects } from './list-objects.ts';
import { readDocument } from './read-document.ts';
import { removeObjects } from './remove-objects.ts';
import { writeDocument } from './write-document.ts';

/** Nothing is asked, and no client loaded, before the first call. INVALID_REQUEST for a location that is none. */
export function createBucket(options: BucketOptions): Bucket {
  const connection = createConnection(options);
  return {
    location: options.location,
    get: (key, limits) => readDocument(connection, key, limits),
    head: (key) => headObject(connection, key),
    put: (key, content, condition) => writeDocument(connection, { key, content, condition }),
    remove: (keys) => removeObjects(connection, keys),
    list: (prefix, signal) => listObjects(connection, prefix, signal),
    upload: async () => {
      throw new DarkroomError('INTERNAL', 'to come');
    },
    download: async () => {
      throw new DarkroomError('INTERNAL', 'to come');
    },
    listUploads: async () => [],
    abortUploads: async () => undefined,
  };
}
