import type { ServerSideEncryption } from '@aws-sdk/client-s3';
import type { BucketOptions } from '../bucket.ts';

interface EncryptionFields {
  readonly ServerSideEncryption?: ServerSideEncryption;
  readonly SSEKMSKeyId?: string;
}

/** How the server shall encrypt what is stored, for PutObject and CreateMultipartUpload. */
export function encryptionFields(options: Pick<BucketOptions, 'serverSideEncryption' | 'kmsKeyId'>): EncryptionFields {
  const { serverSideEncryption, kmsKeyId } = options;
  if (serverSideEncryption === null) return {};
  const key = kmsKeyId === null ? {} : { SSEKMSKeyId: kmsKeyId };
  return { ServerSideEncryption: serverSideEncryption, ...key };
}
