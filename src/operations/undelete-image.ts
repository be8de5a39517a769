import { newUuid } from '../lib/uuid.ts';
import { accountOfOwner } from '../model/account.ts';
import type { Image } from '../model/image.ts';
import type { Page } from '../model/pages.ts';
import { takePage } from '../model/pages.ts';
import type { RecycledImage } from '../model/recycled-image.ts';
import { checkQuota } from './steps/check-quota.ts';
import { findPurgeable, findRecycled, listOwnRecycled } from './steps/find-recycled.ts';
import type { Core } from './support/context.ts';
import { acquireLocks } from './support/operation-locks.ts';

/** The caller's own, last deleted first. */
export async function listDeletedImages(core: Core, page: Page = {}): Promise<readonly RecycledImage[]> {
  return takePage(await listOwnRecycled(core), page);
}

/** Brings a deleted image back as it was. IMAGE_NOT_FOUND, AMBIGUOUS_NAME, QUOTA_EXCEEDED, IMAGE_BUSY, IMAGE_STATE. */
export async function undeleteImage(core: Core, reference: string): Promise<Image> {
  const { id, sizeBytes, image } = await findRecycled(core, reference);
  return await withImageLock(core, { id, kind: 'image.undelete' }, async () => {
    await checkQuota(core, sizeBytes, accountOfOwner(image, core.caller));
    await core.store.restoreImage(id);
    core.log.info({ imageId: id }, 'a deleted image was brought back');
    return await core.store.readImage(id);
  });
}

/** Deletes for good what was deleted before. IMAGE_NOT_FOUND, AMBIGUOUS_NAME, IMAGE_BUSY. */
export async function purgeImage(core: Core, reference: string): Promise<void> {
  const { id } = await findPurgeable(core, reference);
  await withImageLock(core, { id, kind: 'image.purge' }, () => core.store.purgeRecycled(id));
  core.log.info({ imageId: id }, 'a deleted image was purged');
}

async function withImageLock<Result>(
  core: Core,
  { id, kind }: { readonly id: string; readonly kind: string },
  work: () => Promise<Result>,
): Promise<Result> {
  const operationId = newUuid();
  await acquireLocks(core, { exclusive: [`image:${id}`], shared: [] }, { operationId, kind });
  try {
    return await work();
  } finally {
    await core.locks.release(operationId);
  }
}
