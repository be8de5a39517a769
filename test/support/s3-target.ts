import { randomUUID } from 'node:crypto';
import type { S3 } from '@aws-sdk/client-s3';
import type { BucketOptions } from '../../src/drivers/stores/s3/bucket.ts';

export interface S3Target {
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly region: string;
  /** Makes one and gives its name. */
  newBucket(): Promise<string>;
  /** With all that is in it; no error when it is not there. */
  dropBucket(name: string): Promise<void>;
  /** For createBucket; sets the credentials in the environment, where the standard chain finds them. */
  bucketOptions(bucketName: string, overrides?: Partial<BucketOptions>): BucketOptions;
}

/** The S3 server that tests talk to: DARKROOM_TEST_S3_ENDPOINT, with a key of its own kind. */
export async function s3Target(): Promise<S3Target> {
  const endpoint = process.env['DARKROOM_TEST_S3_ENDPOINT'] ?? 'http://127.0.0.1:7480';
  const accessKey = process.env['DARKROOM_TEST_S3_ACCESS_KEY'] ?? 'testaccess';
  const secretKey = process.env['DARKROOM_TEST_S3_SECRET_KEY'] ?? 'testsecretkey0123456789';
  const region = 'us-east-1';
  const credentials = { accessKeyId: accessKey, secretAccessKey: secretKey };
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
  const { S3 } = await import('@aws-sdk/client-s3');
  const s3 = new S3({
    endpoint,
    region,
    credentials,
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });
  return {
    endpoint,
    accessKey,
    secretKey,
    region,
    newBucket: async () => {
      const name = `dr-test-${randomUUID()}`;
      await s3.createBucket({ Bucket: name });
      return name;
    },
    dropBucket: (name) => dropBucket(s3, name),
    bucketOptions: (bucketName, overrides = {}) => {
      process.env['AWS_ACCESS_KEY_ID'] = accessKey;
      process.env['AWS_SECRET_ACCESS_KEY'] = secretKey;
      return { ...DEFAULTS, location: `s3://${bucketName}/darkroom`, endpoint, region, ...overrides };
    },
  };
}

const DEFAULTS = {
  isPathStyle: true,
  credentialsFile: null,
  profile: null,
  serverSideEncryption: null,
  kmsKeyId: null,
  partBytes: 16 * 1024 * 1024,
  concurrency: 4,
  retryForMs: 10_000,
};

async function dropBucket(s3: S3, name: string): Promise<void> {
  for (;;) {
    const page = await s3.listObjectsV2({ Bucket: name }).catch(() => null);
    if (page === null) return;
    const Objects = (page.Contents ?? []).map(({ Key }) => ({ Key }));
    if (Objects.length === 0) break;
    await s3.deleteObjects({ Bucket: name, Delete: { Objects } });
  }
  const uploads = await s3.listMultipartUploads({ Bucket: name });
  for (const { Key, UploadId } of uploads.Uploads ?? []) await s3.abortMultipartUpload({ Bucket: name, Key, UploadId });
  await s3.deleteBucket({ Bucket: name }).catch(() => undefined);
}
