import type { GetObjectCommandOutput } from '@aws-sdk/client-s3';
import { DarkroomError } from '../../../../model/errors.ts';
import type { Bucket, SmallObject } from '../bucket.ts';
import { bodyOf } from './body.ts';
import { classifyFailure } from './classify-failure.ts';
import type { Connection } from './connection.ts';

/** What is short is there soon, or something is wrong; reading it is not worth waiting for longer than that. */
export const DOCUMENT_ATTEMPT_MS = 10_000;
export const READ_RETRY_MS = 15_000;

/** GetObject of something short. null when it is not there. */
export async function readDocument(
  connection: Connection,
  key: string,
  options: Parameters<Bucket['get']>[1],
): Promise<SmallObject | null> {
  const { signal, maxBytes } = options;
  const run = { action: 'read' as const, key, signal, attemptMs: DOCUMENT_ATTEMPT_MS, retryForMs: READ_RETRY_MS };
  const request = { Bucket: connection.bucketName, Key: connection.fullKey(key) };
  return await connection.run(run, async (s3, { abortSignal }) => {
    try {
      const answer = await s3.getObject(request, { abortSignal });
      return { content: await collect(answer, { key, maxBytes }), etag: answer.ETag ?? '' };
    } catch (error) {
      if (classifyFailure(error).kind === 'absent') return null;
      throw error;
    }
  });
}

async function collect(
  answer: GetObjectCommandOutput,
  options: { readonly key: string; readonly maxBytes: number },
): Promise<Buffer> {
  const { key, maxBytes } = options;
  const body = bodyOf(answer);
  const pieces: Buffer[] = [];
  let bytes = 0;
  // leaving the loop destroys the body and its connection
  for await (const piece of body) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes > maxBytes) {
      throw new DarkroomError(
        'STORE_UNUSABLE',
        `${key} is longer than ${maxBytes} bytes: it is not what it should be`,
        {
          fields: { key, maxBytes },
        },
      );
    }
  }
  return Buffer.concat(pieces);
}
