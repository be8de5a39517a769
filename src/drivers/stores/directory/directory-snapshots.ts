import path from 'node:path';
import type { SnapshotStore } from '../../../model/ports/snapshot-store.ts';
import { snapshotFilePath } from '../documents/snapshot-layout.ts';
import { lookUpImageOwner } from '../files/image-owner.ts';
import { assertSnapshotsWritable } from './assert-writable.ts';
import type { StoreContext } from './context.ts';
import type { DirectoryStoreOptions } from './directory-store.ts';
import { createSnapshotDraft, discardSnapshotDrafts } from './snapshot-draft.ts';
import { readSnapshotXml, resolveSnapshotFile } from './snapshot-files.ts';
import { listSnapshots, readSnapshot } from './snapshot-list.ts';
import { publishSnapshot, removeSnapshot, updateSnapshot } from './snapshot-publish.ts';
import { claimVolume, readVolumeClaim, releaseVolumeClaim, stealVolumeClaim } from './volume-claims.ts';

/**
 * Snapshots in a folder: `snapshots/<volume>/<id>.json`, `<id>.qcow2`, `<id>.xml` and `lock`; `.<id>.<tag>.partial` is in the
 * making. Nothing is touched before the first call. Errors as the port says; a volume's id that is no UUID is INVALID_REQUEST.
 * Atomicity rests on rename(2) and link(2) within one folder and fsync(2) of file and folder
 * (https://man7.org/linux/man-pages/man2/fsync.2.html), which NFS and CephFS give too.
 */
export function createDirectorySnapshots(options: DirectoryStoreOptions): SnapshotStore {
  const root = path.resolve(options.location);
  const context: StoreContext = { root, owner: () => lookUpImageOwner(options.imageGroup) };
  return {
    location: options.location,
    rootPath: root,
    assertWritable: (volume) => assertSnapshotsWritable(context, volume),
    list: (filter) => listSnapshots(root, filter),
    read: (snapshotId) => readSnapshot(root, snapshotId),
    filePath: (snapshot) => snapshotFilePath(root, snapshot),
    resolveFile: (snapshot) => resolveSnapshotFile(root, snapshot),
    isHere: async () => true,
    readDomainXml: (snapshot) => readSnapshotXml(root, snapshot),
    draft: (snapshot, tag) => createSnapshotDraft(context, snapshot, tag),
    discardDrafts: (volume, tag) => discardSnapshotDrafts(context, volume, tag),
    publish: (snapshot, domainXml) => publishSnapshot(context, snapshot, domainXml),
    update: (snapshot) => updateSnapshot(context, snapshot),
    remove: (snapshot) => removeSnapshot(context, snapshot),
    claim: (claim) => claimVolume(root, claim),
    readClaim: (volume) => readVolumeClaim(root, volume),
    releaseClaim: (volume, operationId) => releaseVolumeClaim(root, volume, operationId),
    stealClaim: (claim, from) => stealVolumeClaim(root, claim, from),
  };
}
