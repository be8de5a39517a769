import type { ObjectEntry } from '../bucket.ts';
import { classifyFailure } from './classify-failure.ts';
import type { Connection } from './connection.ts';
import { toSeconds } from './object-time.ts';
import { DOCUMENT_ATTEMPT_MS, READ_RETRY_MS } from './read-document.ts';

/** HeadObject. null when it is not there; STORE_UNUSABLE when the bucket is not. */
export async function headObject(connection: Connection, key: string): Promise<ObjectEntry | null> {
  const run = { action: 'read' as const, key, attemptMs: DOCUMENT_ATTEMPT_MS, retryForMs: READ_RETRY_MS };
  const request = { Bucket: connection.bucketName, Key: connection.fullKey(key) };
  return await connection.run(run, async (s3, { abortSignal }) => {
    try {
      const answer = await s3.headObject(request, { abortSignal });
      const modifiedAt = toSeconds(answer.LastModified);
      return { key, sizeBytes: answer.ContentLength ?? 0, etag: answer.ETag ?? '', modifiedAt };
    } catch (error) {
      if (classifyFailure(error).kind !== 'absent') throw error;
      // HEAD has no body that says what is missing: a listing of nothing does
      await s3.listObjectsV2({ Bucket: connection.bucketName, MaxKeys: 1, Prefix: request.Key }, { abortSignal });
      return null;
    }
  });
}
