import { hasCode } from '../../../model/errors.ts';
import type { ImageStore } from '../../../model/ports/image-store.ts';
import type { StoreUpkeep } from '../../../model/ports/stores.ts';
import type { StoreFinding } from '../../../model/store.ts';
import { isUuid } from '../documents/layout.ts';
import { MAX_MANIFEST_BYTES } from '../documents/manifest.ts';
import { findAgain, findFaults, type StoreReader } from '../upkeep/fault-finder.ts';
import type { Bucket } from './bucket.ts';
import type { Mirror } from './mirror.ts';
import { endPurge, findCutPurges } from './upkeep/cut-purges.ts';
import { findForgottenDrafts, removeForgottenDraft } from './upkeep/forgotten-drafts.ts';

export interface S3UpkeepOptions {
  readonly bucket: Bucket;
  readonly mirror: Mirror;
  /** Of the same bucket: who knows in what order what goes. */
  readonly images: Pick<ImageStore, 'openDraft' | 'purgeRecycled'>;
}

/** Upkeep of a store in a bucket; see the port. One listing of it, and its small documents. */
export function createS3Upkeep(options: S3UpkeepOptions): StoreUpkeep {
  const { bucket, mirror } = options;
  const reader = createReader(bucket);
  return {
    findFaults: async (signal) => [
      ...(await findFaults(reader, { signal })),
      ...(await findCutPurges(bucket, signal)),
      ...(await findUploads(bucket)),
      ...(await findForgottenDrafts(mirror)),
    ],
    removeFault: async (finding) => {
      if (finding.kind === 'half-deleted') return await endPurge(options, finding);
      if (finding.subject.startsWith('/')) return await removeForgottenDraft(mirror, finding);
      if (await abortUpload(bucket, finding)) return true;
      const found = await findAgain(reader, finding);
      return found !== null && (await remove(options, found));
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

/** False for an image in the making that was finished in this moment. */
async function remove({ bucket, mirror, images }: S3UpkeepOptions, { subject }: StoreFinding): Promise<boolean> {
  if (!isUuid(subject)) {
    await bucket.remove([subject]);
    await mirror.forget(subject);
    return true;
  }
  try {
    await images.openDraft(subject).discard();
    return true;
  } catch (error) {
    if (hasCode(error, 'IMAGE_STATE')) return false;
    throw error;
  }
}
