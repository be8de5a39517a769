import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import {
  CreateBucketCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { useSharedCeph } from '../../support/engines.ts';
import { createFaultyGateway, type FaultyGateway } from './faulty-gateway.ts';
import { uniqueName } from './test-folder.ts';

/** A store in a bucket of its own of the Ceph that all tests share, which is reached through a gateway that can fail. */
export interface S3Site extends AsyncDisposable {
  /** `s3://bucket/prefix` */
  readonly store: string;
  /** What a host needs to reach it. */
  readonly env: Readonly<Record<string, string>>;
  readonly gateway: FaultyGateway;
  /** Keys of the store that begin so, sorted, but for the word that tells of changes; around the gateway. */
  keys(prefix: string): Promise<readonly string[]>;
  read(key: string): Promise<Buffer>;
  /** Another byte in the middle of an object. */
  damage(key: string): Promise<void>;
  /** Keys of uploads that nobody completed. */
  uploads(): Promise<readonly string[]>;
  /** Bytes that its owner may have stored; null: as many as there is room. */
  setQuota(bytes: number | null): Promise<void>;
}

const PREFIX = 'site';

export async function createS3Site(): Promise<S3Site> {
  const ceph = await useSharedCeph();
  const owner = uniqueName();
  const { endpoint, region, accessKey, secretKey } = await ceph.createUser(owner);
  const { hostname, port } = new URL(endpoint);
  const gateway = await createFaultyGateway({ host: hostname, port: Number(port) });
  const client = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  const Bucket = `dr-test-${randomBytes(6).toString('hex')}`;
  await client.send(new CreateBucketCommand({ Bucket }));
  const keys = (prefix: string) => listKeys(client, Bucket, `${PREFIX}/${prefix}`);
  const read = async (key: string): Promise<Buffer> => {
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: `${PREFIX}/${key}` }));
    return Buffer.from((await Body?.transformToByteArray()) ?? []);
  };
  return {
    store: `s3://${Bucket}/${PREFIX}`,
    env: {
      DARKROOM_S3_ENDPOINT: gateway.endpoint,
      DARKROOM_S3_REGION: region,
      AWS_ACCESS_KEY_ID: accessKey,
      AWS_SECRET_ACCESS_KEY: secretKey,
    },
    gateway,
    keys,
    read,
    damage: async (key) => {
      const content = await read(key);
      const middle = Math.floor(content.length / 2);
      content[middle] = (content[middle] ?? 0) ^ 0xff;
      await client.send(new PutObjectCommand({ Bucket, Key: `${PREFIX}/${key}`, Body: content }));
    },
    uploads: async () => {
      const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket }));
      return Uploads.map(({ Key = '' }) => Key);
    },
    setQuota: async (bytes) => {
      await ceph.createUser(owner, bytes ?? 2 ** 40);
    },
    [Symbol.asyncDispose]: async () => {
      await gateway[Symbol.asyncDispose]();
      await removeAll(client, Bucket);
      client.destroy();
    },
  };
}

/** A key for encryption, in a file that only its owner reads. */
export async function writeKeyFile(file: string): Promise<string> {
  await writeFile(file, randomBytes(32).toString('base64'), { mode: 0o600 });
  return file;
}

async function listKeys(client: S3Client, bucket: string, prefix: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (let token: string | undefined; ; ) {
    const page = await client.send(
      new ListObjectsV2Command({
        Bucket: bucket,
        Prefix: prefix,
        ...(token !== undefined && { ContinuationToken: token }),
      }),
    );
    found.push(...(page.Contents ?? []).map(({ Key = '' }) => Key.slice(`${PREFIX}/`.length)));
    if (page.NextContinuationToken === undefined) return found.filter((key) => key !== 'images/.changes').sort();
    token = page.NextContinuationToken;
  }
}

/** The memory that it takes is everybody's. */
async function removeAll(client: S3Client, bucket: string): Promise<void> {
  const keys = await listKeys(client, bucket, '');
  for (let from = 0; from < keys.length; from += 1000) {
    const objects = keys.slice(from, from + 1000).map((key) => ({ Key: `${PREFIX}/${key}` }));
    await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects: objects, Quiet: true } }));
  }
}
