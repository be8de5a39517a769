import { classifyFailure } from './classify-failure.ts';
import type { Connection } from './connection.ts';
import { bareEtag, multipartEtag } from './digests.ts';
import { headObject } from './head-object.ts';

export interface Completion {
  readonly key: string;
  readonly uploadId: string;
  /** Of the parts, in their order. */
  readonly etags: readonly string[];
  readonly sizeBytes: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * CompleteMultipartUpload. It may answer "200" and an error in its body, which the SDK throws; when an answer was lost, the next
 * attempt hears that there is no such upload: then the object tells whether it is this one.
 */
export async function completeUpload(connection: Connection, completion: Completion): Promise<void> {
  const { key, uploadId, etags, signal } = completion;
  const request = {
    Bucket: connection.bucketName,
    Key: connection.fullKey(key),
    UploadId: uploadId,
    MultipartUpload: { Parts: etags.map((etag, index) => ({ ETag: etag, PartNumber: index + 1 })) },
  };
  await connection.run({ action: 'upload', key, signal }, async (s3, { abortSignal, failedBefore }) => {
    try {
      await s3.completeMultipartUpload(request, { abortSignal });
    } catch (error) {
      const mayBeDone = failedBefore > 0 && classifyFailure(error).kind === 'absent';
      if (!mayBeDone || !(await isThere(connection, completion))) throw error;
    }
  });
}

async function isThere(connection: Connection, { key, etags, sizeBytes }: Completion): Promise<boolean> {
  const entry = await headObject(connection, key);
  if (entry === null || entry.sizeBytes !== sizeBytes) return false;
  const etag = bareEtag(entry.etag);
  // what is encrypted has etags of its own kind
  const isOpaque = connection.options.serverSideEncryption !== null;
  return etag === multipartEtag(etags) || (isOpaque && etag.endsWith(`-${etags.length}`));
}
