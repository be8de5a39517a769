import type { ListMultipartUploadsCommandOutput, MultipartUpload } from '@aws-sdk/client-s3';
import { mapConcurrently } from '../../../../lib/async.ts';
import type { UnfinishedUpload } from '../bucket.ts';
import { classifyFailure } from './classify-failure.ts';
import type { Connection } from './connection.ts';
import { toSeconds } from './object-time.ts';

const SIDE_BY_SIDE = 8;

/** ListMultipartUploads below a prefix, page after page. */
export async function listUploads(
  connection: Connection,
  prefix: string,
  signal?: AbortSignal,
): Promise<readonly UnfinishedUpload[]> {
  const uploads: UnfinishedUpload[] = [];
  let markers: Markers | null = {};
  while (markers !== null) {
    const page = await listPage(connection, { prefix, markers, signal });
    for (const upload of page.Uploads ?? []) uploads.push(toUpload(upload, connection));
    markers = nextMarkers(page);
  }
  return uploads;
}

/** AbortMultipartUpload of all, or of that one; no error for one that is gone. */
export async function abortUploads(connection: Connection, prefix: string, uploadId?: string): Promise<void> {
  const found = await listUploads(connection, prefix);
  const unwanted = found.filter((upload) => uploadId === undefined || upload.uploadId === uploadId);
  await mapConcurrently(unwanted, SIDE_BY_SIDE, (upload) => abortUpload(connection, upload));
}

async function abortUpload(connection: Connection, { key, uploadId }: UnfinishedUpload): Promise<void> {
  const request = { Bucket: connection.bucketName, Key: connection.fullKey(key), UploadId: uploadId };
  await connection.run({ action: 'remove', key }, async (s3, { abortSignal }) => {
    try {
      await s3.abortMultipartUpload(request, { abortSignal });
    } catch (error) {
      if (classifyFailure(error).kind !== 'absent') throw error;
    }
  });
}

interface Markers {
  readonly KeyMarker?: string;
  readonly UploadIdMarker?: string;
}

async function listPage(
  connection: Connection,
  options: { readonly prefix: string; readonly markers: Markers; readonly signal: AbortSignal | undefined },
): Promise<ListMultipartUploadsCommandOutput> {
  const { prefix, markers, signal } = options;
  const request = { Bucket: connection.bucketName, Prefix: connection.fullKey(prefix), ...markers };
  return await connection.run({ action: 'list', key: prefix, signal }, (s3, { abortSignal }) =>
    s3.listMultipartUploads(request, { abortSignal }),
  );
}

function nextMarkers(page: ListMultipartUploadsCommandOutput): Markers | null {
  if (page.IsTruncated !== true || page.NextKeyMarker === undefined) return null;
  const { NextKeyMarker: KeyMarker, NextUploadIdMarker: UploadIdMarker } = page;
  return UploadIdMarker === undefined ? { KeyMarker } : { KeyMarker, UploadIdMarker };
}

function toUpload(upload: MultipartUpload, connection: Connection): UnfinishedUpload {
  return {
    key: connection.ownKey(upload.Key ?? ''),
    uploadId: upload.UploadId ?? '',
    startedAt: toSeconds(upload.Initiated),
  };
}
