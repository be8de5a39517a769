import type { Bucket, BucketOptions } from '../bucket.ts';
import { createConnection } from './connection.ts';
import { downloadFile } from './download-file.ts';
import { headObject } from './head-object.ts';
import { listObjects } from './list-objects.ts';
import { readDocument } from './read-document.ts';
import { removeObjects } from './remove-objects.ts';
import { abortUploads, listUploads } from './unfinished-uploads.ts';
import { uploadFile } from './upload-file.ts';
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
    upload: (key, path, transfer = {}) => uploadFile(connection, key, { ...transfer, path }),
    download: (entry, path, transfer = {}) => downloadFile(connection, entry, { ...transfer, path }),
    listUploads: (prefix) => listUploads(connection, prefix),
    abortUploads: (prefix, uploadId) => abortUploads(connection, prefix, uploadId),
  };
}
