import { hasCode } from '../../model/errors.ts';
import type { Core } from '../support/context.ts';

/** A draft goes; an image that was published already stays. True when it stays. */
export async function removeUnpublished(core: Core, imageId: string): Promise<boolean> {
  try {
    await core.store.openDraft(imageId).discard();
    return false;
  } catch (error) {
    if (hasCode(error, 'IMAGE_STATE')) return true;
    throw error;
  }
}
