import type { ListPartsCommandOutput } from '@aws-sdk/client-s3';
import type { UnfinishedUpload } from '../bucket.ts';
import { classifyFailure } from './classify-failure.ts';
import type { Connection } from './connection.ts';
import { bareEtag } from './digests.ts';
import type { Part } from './part-plan.ts';
import { listUploads } from './unfinished-uploads.ts';

export interface Resumed {
  readonly uploadId: string;
  /** MD5 of the parts that arrived, by number. */
  readonly md5s: ReadonlyMap<number, string>;
}

interface Wanted {
  readonly key: string;
  readonly parts: readonly Part[];
  readonly signal?: AbortSignal | undefined;
}

const MD5 = /^[0-9a-f]{32}$/;

/** The youngest upload of that key whose parts are as long as these would be; null when there is none. */
export async function findResumable(connection: Connection, wanted: Wanted): Promise<Resumed | null> {
  const uploads = await listUploads(connection, wanted.key, wanted.signal);
  const youngestFirst = uploads
    .filter(({ key }) => key === wanted.key)
    .sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1));
  for (const upload of youngestFirst) {
    const md5s = await readArrived(connection, upload, wanted);
    if (md5s !== null) return { uploadId: upload.uploadId, md5s };
  }
  return null;
}

/** null when they do not fit, or the upload is gone. */
async function readArrived(
  connection: Connection,
  upload: UnfinishedUpload,
  wanted: Wanted,
): Promise<ReadonlyMap<number, string> | null> {
  const md5s = new Map<number, string>();
  let marker: string | undefined;
  do {
    const page = await listPage(connection, { upload, marker, signal: wanted.signal });
    if (page === null) return null;
    for (const { PartNumber: number = 0, Size: sizeBytes, ETag: etag = '' } of page.Parts ?? []) {
      if (wanted.parts[number - 1]?.lengthBytes !== sizeBytes) return null;
      const md5 = bareEtag(etag);
      if (MD5.test(md5)) md5s.set(number, md5);
    }
    marker = page.IsTruncated === true ? page.NextPartNumberMarker : undefined;
  } while (marker !== undefined);
  return md5s;
}

async function listPage(
  connection: Connection,
  options: {
    readonly upload: UnfinishedUpload;
    readonly marker: string | undefined;
    readonly signal: AbortSignal | undefined;
  },
): Promise<ListPartsCommandOutput | null> {
  const { upload, marker, signal } = options;
  const request = {
    Bucket: connection.bucketName,
    Key: connection.fullKey(upload.key),
    UploadId: upload.uploadId,
    ...(marker === undefined ? {} : { PartNumberMarker: marker }),
  };
  return await connection.run({ action: 'upload', key: upload.key, signal }, async (s3, { abortSignal }) => {
    try {
      return await s3.listParts(request, { abortSignal });
    } catch (error) {
      if (classifyFailure(error).kind === 'absent') return null;
      throw error;
    }
  });
}
