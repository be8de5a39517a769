import type { SnapshotStore } from '../../../../model/ports/snapshot-store.ts';
import type { VolumeSubject } from '../../documents/claim.ts';
import { snapshotFilePath, volumeLockPath } from '../../documents/snapshot-layout.ts';
import { lookUpImageOwner } from '../../files/image-owner.ts';
import type { Bucket } from '../bucket.ts';
import type { ClaimPlace } from '../claims/claim-object.ts';
import { createClaim, readClaim, releaseClaim, stealClaim } from '../claims/claims.ts';
import type { Mirror } from '../mirror.ts';
import { assertConditionalWrites } from '../probe-writes.ts';
import { makeVolumeFolder, type SnapshotContext } from './context.ts';
import { bringChain, isChainHere } from './resolve-file.ts';
import { createSnapshotDraft, discardSnapshotDrafts } from './snapshot-draft.ts';
import { createSnapshotList } from './snapshot-list.ts';
import { publishSnapshot, readSnapshotXml, removeSnapshot, updateSnapshot } from './snapshot-publish.ts';
import { bringUsedChain } from './user-pins.ts';

export interface S3SnapshotsOptions {
  readonly bucket: Bucket;
  readonly mirror: Mirror;
  /** As `users` of snapshots name this host. */
  readonly hostName: string;
  /** Group that may read image files. */
  readonly imageGroup: string;
}

/**
 * Snapshots in a bucket: `snapshots/<volume>/<id>.json`, `<id>.qcow2` with `<id>.qcow2.parts`, `<id>.xml` and `lock`; drafts and copies of files lie in
 * the mirror. Nothing is touched before the first call. Errors as the port says; a volume's id that is no UUID is INVALID_REQUEST.
 * Atomicity rests on objects being replaced as a whole and on conditional PUTs.
 */
export function createS3Snapshots({ bucket, mirror, hostName, imageGroup }: S3SnapshotsOptions): SnapshotStore {
  const context: SnapshotContext = { bucket, mirror, hostName, owner: () => lookUpImageOwner(imageGroup) };
  const { list, read } = createSnapshotList(bucket);
  const placeOf = (volume: string): ClaimPlace<VolumeSubject> => ({
    bucket,
    key: volumeLockPath('', volume),
    subject: { volume },
  });
  return {
    location: bucket.location,
    rootPath: mirror.rootPath,
    assertWritable: async (volume) => {
      makeVolumeFolder(mirror, volume, 'STORE_UNUSABLE');
      await context.owner();
      await assertConditionalWrites(bucket);
    },
    list,
    read,
    filePath: (snapshot) => mirror.path(snapshotFilePath('', snapshot)),
    resolveFile: async (snapshot, { isKept = false, ...options } = {}) =>
      isKept
        ? await bringUsedChain(context, await read(snapshot.id), options)
        : await bringChain(context, snapshot, options),
    isHere: async (snapshot) => await isChainHere(context, snapshot),
    readDomainXml: async (snapshot) => await readSnapshotXml(context, snapshot),
    draft: (snapshot, tag) => createSnapshotDraft(context, snapshot, tag),
    discardDrafts: async (volume, tag) => await discardSnapshotDrafts(context, volume, tag),
    publish: async (snapshot, domainXml) => await publishSnapshot(context, snapshot, domainXml),
    update: async (snapshot) => await updateSnapshot(context, snapshot),
    remove: async (snapshot) => await removeSnapshot(context, snapshot),
    claim: async (claim) => await createClaim(placeOf(claim.volume), claim),
    readClaim: async (volume) => await readClaim(placeOf(volume)),
    releaseClaim: async (volume, operationId) => await releaseClaim(placeOf(volume), operationId),
    stealClaim: async (claim, from) => await stealClaim(placeOf(claim.volume), claim, from),
  };
}
