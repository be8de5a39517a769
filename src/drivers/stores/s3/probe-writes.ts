import { randomBytes } from 'node:crypto';
import { DarkroomError, hasCode } from '../../../model/errors.ts';
import type { Bucket } from './bucket.ts';

/** Of no image, volume or instance. A probe takes moments; what is left of one that was cut short is nobody's. */
const PROBE_PREFIX = '.probe-';

/**
 * Writes, replaces and removes an object, once as it may and once as it must not: STORE_UNUSABLE where the server takes no
 * writes, or heeds no conditions, so that two hosts could win the same claim; NO_SPACE.
 */
export async function assertConditionalWrites(bucket: Bucket): Promise<void> {
  const key = `${PROBE_PREFIX}${randomBytes(8).toString('hex')}`;
  try {
    await probe(bucket, key);
    await bucket.remove([key]);
  } catch (error) {
    // what failed before says more than that it cannot be cleaned up either
    await bucket.remove([key]).catch(() => undefined);
    throw toUnusable(bucket, error);
  }
}

async function probe(bucket: Bucket, key: string): Promise<void> {
  const first = await bucket.put(key, key, { ifAbsent: true });
  if (first === null) throw heedless(bucket, 'refused to create an object that is not there (If-None-Match)');
  if ((await bucket.put(key, `${key} again`, { ifAbsent: true })) !== null) {
    throw heedless(bucket, 'replaced an object that was to be created only (If-None-Match)');
  }
  const second = await bucket.put(key, `${key} replaced`, { ifMatch: first.etag });
  if (second === null) throw heedless(bucket, 'refused to replace an object that is as it was (If-Match)');
  if ((await bucket.put(key, `${key} late`, { ifMatch: first.etag })) !== null) {
    throw heedless(bucket, 'replaced an object that had been changed (If-Match)');
  }
}

function heedless(bucket: Bucket, seen: string): DarkroomError {
  return new DarkroomError(
    'STORE_UNUSABLE',
    `The store ${bucket.location} cannot be shared safely: its server ${seen}. Use one that heeds the conditions of a PUT, as Ceph and Amazon S3 do`,
    { fields: { location: bucket.location, seen } },
  );
}

function toUnusable(bucket: Bucket, error: unknown): unknown {
  if (!hasCode(error, 'STORE_WRITE_FAILED')) return error;
  return new DarkroomError('STORE_UNUSABLE', `Cannot write to the store ${bucket.location}: ${error.message}`, {
    fields: { ...error.fields, location: bucket.location },
    cause: error,
  });
}
