import type { StoreUpkeep } from '../../../model/ports/stores.ts';
import type { StoreFinding } from '../../../model/store.ts';
import { isUuid, RECYCLED_FILE } from '../documents/layout.ts';
import { MAX_MANIFEST_BYTES } from '../documents/manifest.ts';
import { findAgain, findFaults, type StoreReader } from '../upkeep/fault-finder.ts';
import type { Bucket } from './bucket.ts';
import type { Mirror } from './mirror.ts';
import { endPurge, findCutPurges } from './upkeep/cut-purges.ts';
import { findForgottenDrafts, removeForgottenDraft } from './upkeep/forgotten-drafts.ts';

export interface S3UpkeepOptions {
  readonly bucket: Bucket;
  readonly mirror: Mirror;
}

/** Upkeep of a store in a bucket; see the port. One listing of it, and its small documents. */
export function createS3Upkeep({ bucket, mirror }: S3UpkeepOptions): StoreUpkeep {
  const reader = createReader(bucket);
  return {
    findFaults: async (signal) => [
      ...(await findFaults(reader, { signal })),
      ...(await findCutPurges(bucket, signal)),
      ...(await findUploads(bucket)),
      ...(await findForgottenDrafts(mirror)),
    ],
    removeFault: async (finding) => {
      if (finding.kind === 'half-deleted') return await endPurge({ bucket, mirror }, finding);
      if (finding.subject.startsWith('/')) return await removeForgottenDraft(mirror, finding);
      if (await abortUpload(bucket, finding)) return true;
      const found = await findAgain(reader, finding);
      if (found === null) return false;
      await remove({ bucket, mirror }, found);
      return true;
    },
    measureCache: () => mirror.measure(),
    freeCache: (wantedBytes) => mirror.free(wantedBytes),
  };
}

function createReader(bucket: Bucket): StoreReader {
  return {
    list: async (prefix, signal) => {
      const entries = await bucket.list(prefix, signal);
      return entries.map(({ key, sizeBytes, modifiedAt }) => ({ key, sizeBytes, since: modifiedAt }));
    },
    read: async (key) => (await bucket.get(key, { maxBytes: MAX_MANIFEST_BYTES }))?.content.toString('utf8') ?? null,
  };
}

/** Parts that arrived of files whose upload was not completed take room that no listing shows. */
async function findUploads(bucket: Bucket): Promise<readonly StoreFinding[]> {
  return (await bucket.listUploads('')).map(({ key, startedAt }) => ({
    kind: 'unfinished-upload',
    subject: key,
    message: `${key} was begun to be uploaded and never finished`,
    bytes: null,
    since: startedAt,
    isRemovable: true,
  }));
}

/** Only those that were begun then: another may have been begun since. */
async function abortUpload(bucket: Bucket, { kind, subject, since, bytes }: StoreFinding): Promise<boolean> {
  if (kind !== 'unfinished-upload' || bytes !== null) return false;
  const uploads = await bucket.listUploads(subject);
  const meant = uploads.filter(({ key, startedAt }) => key === subject && startedAt === since);
  for (const { uploadId } of meant) await bucket.abortUploads(subject, uploadId);
  return meant.length > 0;
}

/** An image in the making with all that it has, or one file. The note of a deletion would come last. */
async function remove({ bucket, mirror }: S3UpkeepOptions, { subject }: StoreFinding): Promise<void> {
  const prefix = isUuid(subject) ? `images/${subject}/` : subject;
  const found = (await bucket.list(prefix)).map(({ key }) => key);
  const keys = isUuid(subject) ? found : found.filter((key) => key === subject);
  if (keys.some((key) => key.endsWith(`/${RECYCLED_FILE}`))) return;
  await bucket.remove(keys);
  if (isUuid(subject)) await bucket.abortUploads(prefix);
  for (const key of keys) await mirror.forget(key);
}
