import { randomUUID } from 'node:crypto';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { serialiseManifest } from '../../src/drivers/stores/documents/manifest.ts';
import { mapConcurrently } from '../../src/lib/async.ts';
import type { Image } from '../../src/model/image.ts';
import type { S3Account } from '../support/engines.ts';

const CONCURRENT_PUTS = 50;

/** So many images of one disk, whose file is a stand-in: only for lists. */
export async function putManifests(
  account: S3Account & { readonly bucket: string; readonly prefix: string },
  count: number,
): Promise<void> {
  const client = new S3Client({
    endpoint: account.endpoint,
    region: account.region,
    forcePathStyle: true,
    credentials: { accessKeyId: account.accessKey, secretAccessKey: account.secretKey },
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });
  const put = (key: string, content: string) =>
    client.send(new PutObjectCommand({ Bucket: account.bucket, Key: `${account.prefix}/${key}`, Body: content }));
  await mapConcurrently([...Array(count).keys()], CONCURRENT_PUTS, async (index) => {
    const image = makeImage(index);
    await put(`images/${image.id}/disk-vda.qcow2`, 'x');
    await put(`images/${image.id}/manifest.json`, serialiseManifest(image));
  });
  client.destroy();
}

function makeImage(index: number): Image {
  const id = randomUUID();
  const sha256 = id.replaceAll('-', '').repeat(2);
  const sizes = { virtualSizeBytes: 1024 ** 3, sizeBytes: 1 };
  return {
    id,
    name: `image-${index}`,
    status: 'active',
    ...sizes,
    createdAt: new Date(Date.UTC(2026, 0, 1) + index * 60_000).toISOString(),
    description: null,
    owner: null,
    visibility: 'private',
    members: [],
    protected: false,
    minDiskGiB: 1,
    minMemoryMiB: 256,
    checksum: { algorithm: 'sha256', value: sha256 },
    consistency: { requested: 'auto', achieved: 'quiesced', freezeMs: 41, pauseMs: 0 },
    bootProof: null,
    isEncrypted: false,
    disks: [{ target: 'vda', file: 'disk-vda.qcow2', format: 'qcow2', ...sizes, sha256 }],
    skippedDisks: [],
    nvram: null,
    tpm: [],
    properties: {
      image_type: 'snapshot',
      image_location: 'snapshot',
      instance_uuid: randomUUID(),
      hw_machine_type: 'pc-q35-7.2',
      hw_disk_bus: 'virtio',
      hw_vif_model: 'virtio',
    },
  };
}
