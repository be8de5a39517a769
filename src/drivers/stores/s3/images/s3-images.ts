import type { ImageStore } from '../../../../model/ports/image-store.ts';
import { freeBytes } from '../../files/free-bytes.ts';
import { lookUpImageOwner } from '../../files/image-owner.ts';
import type { Bucket } from '../bucket.ts';
import type { Mirror } from '../mirror.ts';
import { assertConditionalWrites } from '../probe-writes.ts';
import type { ImagesContext } from './context.ts';
import { createDraft, openDraft } from './draft.ts';
import { fetchFile } from './fetch-file.ts';
import { createImageIndex } from './index/image-index.ts';
import { createSnapshotFile } from './index/snapshot-file.ts';
import { measureFile } from './measure-file.ts';
import { assertMirrorWritable } from './probe.ts';
import { deleteImage, purgeRecycled } from './purge.ts';
import { readImage } from './read.ts';
import { recycleImage } from './recycle.ts';
import { resolveFile } from './resolve-file.ts';
import { restoreImage } from './restore.ts';
import { updateImage } from './update.ts';
import { addUser, listUsers, removeUser } from './users.ts';

export interface S3ImagesOptions {
  readonly bucket: Bucket;
  readonly mirror: Mirror;
  /** As given in the configuration. */
  readonly location: string;
  readonly hostName: string;
  /** Group that may read image files: the one QEMU runs in. */
  readonly imageGroup: string;
}

/**
 * Images in a bucket, under the names that they have in a folder: `images/<id>/` with `manifest.json`, disks and the rest, and `recycled.json` beside what was
 * deleted and can be brought back. What has several steps rests on conditional writes of small objects
 * (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html). Errors as the port says.
 */
export function createS3Images({ bucket, mirror, location, hostName, imageGroup }: S3ImagesOptions): ImageStore {
  const index = createImageIndex({ bucket, file: createSnapshotFile(mirror.rootPath, bucket.location) });
  const owner = () => lookUpImageOwner(imageGroup);
  const context: ImagesContext = { bucket, mirror, hostName, owner, index };
  const assertConditional = once(() => assertConditionalWrites(bucket));
  return {
    location,
    isLocal: true,
    keepsFilesHere: false,
    rootPath: mirror.rootPath,
    assertWritable: async () => {
      await assertMirrorWritable(context);
      await assertConditional();
    },
    freeBytes: () => freeBytes(mirror.rootPath),
    createDraft: (imageId) => createDraft(context, imageId),
    openDraft: (imageId) => openDraft(context, imageId),
    listDraftIds: () => index.listDraftIds(),
    listImages: () => index.listImages(),
    readImage: (imageId) => readImage(bucket, imageId),
    updateImage: (image) => updateImage(context, image),
    deleteImage: (imageId) => deleteImage(context, imageId),
    recycleImage: (imageId, note) => recycleImage(context, imageId, note),
    listRecycled: () => index.listRecycled(),
    restoreImage: (imageId) => restoreImage(context, imageId),
    purgeRecycled: (imageId) => purgeRecycled(context, imageId),
    resolveFile: (imageId, file, options) => resolveFile(context, { imageId, file }, options),
    measureFile: (imageId, file) => measureFile(context, imageId, file),
    fetchFile: (imageId, request, options) => fetchFile(context, { imageId, ...request }, options),
    listUsers: (imageId) => listUsers(context, imageId),
    addUser: (imageId, user) => addUser(context, imageId, user),
    removeUser: (imageId, instanceId) => removeUser(context, imageId, instanceId),
  };
}

/** Until it has succeeded once. */
function once(work: () => Promise<void>): () => Promise<void> {
  let isDone = false;
  return async () => {
    if (isDone) return;
    await work();
    isDone = true;
  };
}
