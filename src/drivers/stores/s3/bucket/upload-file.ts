import { DarkroomError } from '../../../../model/errors.ts';
import type { TransferOptions } from '../../../../model/ports/image-store.ts';
import type { ObjectEntry, UploadedObject } from '../bucket.ts';
import { completeUpload } from './complete-upload.ts';
import type { Connection } from './connection.ts';
import { md5Of } from './digests.ts';
import { encryptionFields } from './encryption.ts';
import { headObject } from './head-object.ts';
import { announceParts, settleParts } from './keep-part-lists.ts';
import { OrderedHash } from './ordered-hash.ts';
import type { PartList } from './part-list.ts';
import { choosePartBytes, type Part, planParts } from './part-plan.ts';
import { findResumable, type Resumed } from './resume-upload.ts';
import { sendObject, sendPart } from './send-content.ts';
import { openSource, type SourceFile } from './source-file.ts';
import { type Lane, transferParts } from './transfer-parts.ts';

interface Upload {
  readonly connection: Connection;
  readonly key: string;
  readonly source: SourceFile;
  readonly partBytes: number;
  readonly parts: readonly Part[];
  readonly hash: OrderedHash;
  readonly options: TransferOptions;
}

type SentList = PartList & { readonly wholeSha256: string };

/**
 * A file as one object: PutObject where one part is enough, else a multipart upload
 * (https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html) that goes on where an earlier one stopped. The object
 * comes after its list of parts. STORE_WRITE_FAILED, also for a file that somebody writes to meanwhile; NO_SPACE.
 */
export async function uploadFile(
  connection: Connection,
  key: string,
  request: TransferOptions & { readonly path: string },
): Promise<UploadedObject> {
  await using source = await openSource(request.path);
  const partBytes = choosePartBytes(source.sizeBytes, connection.options.partBytes);
  const parts = planParts(source.sizeBytes, partBytes);
  const upload = { connection, key, source, partBytes, parts, hash: new OrderedHash(), options: request };
  const list = await (parts.length === 1 ? uploadWhole(upload) : uploadInParts(upload));
  const entry = await requireStored(upload);
  await settleParts(connection, entry, list);
  return { ...entry, sha256: list.wholeSha256 };
}

async function uploadWhole(upload: Upload): Promise<SentList> {
  const { connection, key, source, parts, options } = upload;
  const digests: string[] = [];
  await transferParts(parts, laneOptions(upload), async (part, { buffer, signal }) => {
    const bytes = await source.read(part, buffer);
    const sha256 = await upload.hash.take(part, bytes, signal);
    await source.assertUnchanged();
    digests.push(sha256);
    await announceParts(connection, key, listOf(upload, digests));
    await sendObject(connection, key, { content: { bytes, sha256 }, signal });
  });
  options.onBytes?.(source.sizeBytes);
  return listOf(upload, digests);
}

async function uploadInParts(upload: Upload): Promise<SentList> {
  const { connection, key, source, parts, options } = upload;
  const { signal, onBytes } = options;
  const begun = (await findResumable(connection, { key, parts, signal })) ?? (await beginUpload(upload));
  const etags = new Array<string>(parts.length);
  const sha256 = new Array<string>(parts.length);
  let sentBytes = 0;
  await transferParts(parts, laneOptions(upload), async (part, lane) => {
    const sent = await bringPart(upload, { part, lane, begun });
    etags[part.number - 1] = sent.etag;
    sha256[part.number - 1] = sent.sha256;
    sentBytes += part.lengthBytes;
    onBytes?.(sentBytes);
  });
  await source.assertUnchanged();
  const list = listOf(upload, sha256);
  await announceParts(connection, key, list);
  await completeUpload(connection, { key, uploadId: begun.uploadId, etags, sizeBytes: source.sizeBytes, signal });
  return list;
}

/** Once all were hashed. */
function listOf({ source, partBytes, hash }: Upload, sha256: readonly string[]): SentList {
  return { sizeBytes: source.sizeBytes, partBytes, sha256, wholeSha256: hash.digest() };
}

async function beginUpload({ connection, key, options }: Upload): Promise<Resumed> {
  const { signal } = options;
  const request = {
    Bucket: connection.bucketName,
    Key: connection.fullKey(key),
    ...encryptionFields(connection.options),
  };
  const answer = await connection.run({ action: 'upload', key, signal }, (s3, { abortSignal }) =>
    s3.createMultipartUpload(request, { abortSignal }),
  );
  return { uploadId: answer.UploadId ?? '', md5s: new Map() };
}

/** Sends a part, unless it is there already. */
async function bringPart(
  { connection, key, source, hash }: Upload,
  options: { readonly part: Part; readonly lane: Lane; readonly begun: Resumed },
): Promise<{ readonly etag: string; readonly sha256: string }> {
  const { part, lane, begun } = options;
  const bytes = await source.read(part, lane.buffer);
  const sha256 = await hash.take(part, bytes, lane.signal);
  const arrived = begun.md5s.get(part.number);
  if (arrived !== undefined && arrived === (await md5Of(bytes))) return { etag: `"${arrived}"`, sha256 };
  const address = { key, uploadId: begun.uploadId, number: part.number };
  const etag = await sendPart(connection, address, { content: { bytes, sha256 }, signal: lane.signal });
  return { etag, sha256 };
}

/** What was sent and acknowledged is there, as long as the file. */
async function requireStored({ connection, key, source }: Upload): Promise<ObjectEntry> {
  const entry = await headObject(connection, key);
  if (entry?.sizeBytes === source.sizeBytes) return entry;
  const seen = entry === null ? 'it is not there' : `it has ${entry.sizeBytes} bytes instead of ${source.sizeBytes}`;
  const message = `${connection.options.location} took ${key}, but ${seen}: see whether somebody else writes there, then try again`;
  throw new DarkroomError('STORE_WRITE_FAILED', message, { fields: { key } });
}

function laneOptions({ connection, source, partBytes, options }: Upload) {
  const { concurrency } = connection.options;
  return { concurrency, bufferBytes: Math.min(partBytes, source.sizeBytes), signal: options.signal };
}
