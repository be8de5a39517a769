import { rm } from 'node:fs/promises';
import { imageFolder } from '../../documents/layout.ts';
import { withStoreErrors } from '../../files/store-errors.ts';
import type { ImagesContext } from './context.ts';
import { imagePrefix } from './keys.ts';

/** Name of the pin that keeps the files of a draft while it is in the making. */
export const DRAFT_PIN = 'draft';

/** What this host has of an image or a draft. STORE_WRITE_FAILED. */
export async function removeLocalFiles({ mirror }: ImagesContext, imageId: string): Promise<void> {
  const folder = mirror.path(imageFolder('', imageId));
  await withStoreErrors({ code: 'STORE_WRITE_FAILED', action: 'remove', path: folder }, async () => {
    // links inside are removed as links; what they point to is not ours
    await rm(folder, { recursive: true, force: true });
  });
  await mirror.unpin(imagePrefix(imageId), DRAFT_PIN);
}
