import type { OpenStore } from '../../../model/ports/stores.ts';
import type { StoreContent } from '../../../model/store-rules.ts';

/**
 * What a store says it holds. Records first, then what they stand on: what is made meanwhile is not missed in what was read before. Of
 * snapshots that is one listing.
 */
export async function readContent({ images, shelf, snapshots }: Omit<OpenStore, 'description'>): Promise<StoreContent> {
  const shelved = await shelf.list();
  const ofSnapshots = await snapshots.list();
  const ofImages = await images.listImages();
  const deleted = await images.listRecycled();
  return {
    images: ofImages.images,
    brokenImages: ofImages.broken,
    brokenDeleted: deleted.broken,
    snapshots: ofSnapshots.snapshots,
    brokenSnapshots: ofSnapshots.broken,
    instances: shelved.instances,
    brokenInstances: shelved.broken,
  };
}
