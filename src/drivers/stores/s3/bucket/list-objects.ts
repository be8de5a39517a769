import type { _Object, ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';
import type { ObjectEntry } from '../bucket.ts';
import type { Connection } from './connection.ts';
import { toSeconds } from './object-time.ts';

const PAGE_ATTEMPT_MS = 30_000;

/** ListObjectsV2, page after page. */
export async function listObjects(
  connection: Connection,
  prefix: string,
  signal?: AbortSignal,
): Promise<readonly ObjectEntry[]> {
  const entries: ObjectEntry[] = [];
  let token: string | undefined;
  do {
    const page = await listPage(connection, { prefix, token, signal });
    for (const object of page.Contents ?? []) entries.push(toEntry(object, connection));
    token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
  return entries;
}

async function listPage(
  connection: Connection,
  options: { readonly prefix: string; readonly token: string | undefined; readonly signal: AbortSignal | undefined },
): Promise<ListObjectsV2CommandOutput> {
  const { prefix, token, signal } = options;
  const run = { action: 'list' as const, key: prefix, signal, attemptMs: PAGE_ATTEMPT_MS, retryForMs: PAGE_ATTEMPT_MS };
  const request = {
    Bucket: connection.bucketName,
    Prefix: connection.fullKey(prefix),
    ...(token === undefined ? {} : { ContinuationToken: token }),
  };
  return await connection.run(run, (s3, { abortSignal }) => s3.listObjectsV2(request, { abortSignal }));
}

function toEntry(object: _Object, connection: Connection): ObjectEntry {
  return {
    key: connection.ownKey(object.Key ?? ''),
    sizeBytes: object.Size ?? 0,
    etag: object.ETag ?? '',
    modifiedAt: toSeconds(object.LastModified),
  };
}
