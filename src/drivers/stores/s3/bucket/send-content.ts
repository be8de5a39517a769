import type { S3 } from '@aws-sdk/client-s3';
import type { Attempt, Connection } from './connection.ts';
import { encryptionFields } from './encryption.ts';

export interface Content {
  readonly bytes: Buffer;
  /** Lower-case hex. The server compares it with what arrives. */
  readonly sha256: string;
}

export interface PartAddress {
  readonly key: string;
  readonly uploadId: string;
  readonly number: number;
}

/** PutObject of what was hashed already. Returns the etag. */
export async function sendObject(
  connection: Connection,
  key: string,
  options: { readonly content: Content; readonly signal: AbortSignal },
): Promise<string> {
  const { content, signal } = options;
  const { PutObjectCommand } = await import('@aws-sdk/client-s3');
  return await connection.run({ action: 'upload', key, signal }, async (s3, attempt) => {
    const command = new PutObjectCommand({
      Bucket: connection.bucketName,
      Key: connection.fullKey(key),
      Body: content.bytes,
      ...encryptionFields(connection.options),
    });
    command.middlewareStack.add(withPayloadHash(content.sha256), { step: 'build' });
    return await etagOf(s3, attempt, (client, abort) => client.send(command, abort));
  });
}

/** UploadPart, as above. */
export async function sendPart(
  connection: Connection,
  address: PartAddress,
  options: { readonly content: Content; readonly signal: AbortSignal },
): Promise<string> {
  const { content, signal } = options;
  const { UploadPartCommand } = await import('@aws-sdk/client-s3');
  return await connection.run({ action: 'upload', key: address.key, signal }, async (s3, attempt) => {
    const command = new UploadPartCommand({
      Bucket: connection.bucketName,
      Key: connection.fullKey(address.key),
      UploadId: address.uploadId,
      PartNumber: address.number,
      Body: content.bytes,
    });
    command.middlewareStack.add(withPayloadHash(content.sha256), { step: 'build' });
    return await etagOf(s3, attempt, (client, abort) => client.send(command, abort));
  });
}

async function etagOf(
  s3: S3,
  { abortSignal }: Attempt,
  send: (s3: S3, options: { abortSignal: AbortSignal }) => Promise<{ ETag?: string | undefined }>,
): Promise<string> {
  const { ETag: etag } = await send(s3, { abortSignal });
  if (etag === undefined) throw new Error('the server gave no ETag');
  return etag;
}

/** The signer takes the header where it is there, instead of hashing again (SigV4: x-amz-content-sha256). */
function withPayloadHash(sha256: string) {
  return <Input extends object, Output>(next: (input: Input) => Promise<Output>) =>
    (input: Input): Promise<Output> => {
      const request: unknown = Reflect.get(input, 'request');
      const headers: unknown = typeof request === 'object' && request !== null ? Reflect.get(request, 'headers') : null;
      if (typeof headers === 'object' && headers !== null) Reflect.set(headers, 'x-amz-content-sha256', sha256);
      return next(input);
    };
}
