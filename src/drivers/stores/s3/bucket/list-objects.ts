import type { _Object, ListObjectsV2CommandInput, ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';
import type { ObjectEntry } from '../bucket.ts';
import type { Connection } from './connection.ts';
import { type KeyRange, planRanges } from './list-ranges.ts';
import { toSeconds } from './object-time.ts';
import { READ_RETRY_MS } from './read-document.ts';

const PAGE_ATTEMPT_MS = 30_000;

/**
 * ListObjectsV2. What does not fit into one page is listed in ranges side by side, by the next letter of the keys: that is quicker
 * where the keys go on with UUIDs, and right wherever.
 */
export async function listObjects(
  connection: Connection,
  prefix: string,
  signal?: AbortSignal,
): Promise<readonly ObjectEntry[]> {
  const full = connection.fullKey(prefix);
  const first = await listPage(connection, { Prefix: full }, signal);
  const objects = first.Contents ?? [];
  const ranges = first.IsTruncated === true ? planRanges(full, objects.at(-1)?.Key ?? full) : [];
  const rest = await Promise.all(ranges.map((range) => listRange(connection, range, signal)));
  return [objects, ...rest].flat().map((object) => toEntry(object, connection));
}

async function listRange(connection: Connection, range: KeyRange, signal: AbortSignal | undefined) {
  const { prefix, after, before } = range;
  const found: _Object[] = [];
  let maxKeys = range.isUnlikely === true ? 1 : undefined;
  for (let startAfter = after; ; ) {
    const page = await listPage(connection, { Prefix: prefix, StartAfter: startAfter, MaxKeys: maxKeys }, signal);
    const objects = page.Contents ?? [];
    const inside = before === undefined ? objects : objects.filter(({ Key: key = '' }) => key < before);
    found.push(...inside);
    startAfter = objects.at(-1)?.Key;
    if (page.IsTruncated !== true || startAfter === undefined || inside.length < objects.length) return found;
    maxKeys = undefined;
  }
}

async function listPage(
  connection: Connection,
  query: Pick<ListObjectsV2CommandInput, 'Prefix' | 'StartAfter' | 'MaxKeys'>,
  signal: AbortSignal | undefined,
): Promise<ListObjectsV2CommandOutput> {
  const key = connection.ownKey(query.Prefix ?? '');
  const run = { action: 'list' as const, key, signal, attemptMs: PAGE_ATTEMPT_MS, retryForMs: READ_RETRY_MS };
  return await connection.run(run, (s3, { abortSignal }) =>
    s3.listObjectsV2({ Bucket: connection.bucketName, ...query }, { abortSignal }),
  );
}

function toEntry(object: _Object, connection: Connection): ObjectEntry {
  return {
    key: connection.ownKey(object.Key ?? ''),
    sizeBytes: object.Size ?? 0,
    etag: object.ETag ?? '',
    modifiedAt: toSeconds(object.LastModified),
  };
}
