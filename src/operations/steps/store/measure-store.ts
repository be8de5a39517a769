import { toDarkroomError } from '../../../model/errors.ts';
import type { ImageService } from '../../../model/ports/image-service.ts';
import type { OpenStore } from '../../../model/ports/stores.ts';
import type { StoreCount, StoreStatus } from '../../../model/store.ts';

const UNKNOWN = {
  images: null,
  snapshots: null,
  deletedImages: null,
  shelvedInstances: null,
  freeBytes: null,
  cache: null,
} as const;

/** What a store holds, and what of it is here. Never throws: what cannot be read is said. */
export async function measureStore(store: OpenStore): Promise<StoreStatus> {
  // of this host, and known whether or not the store can be reached
  const cache = await store.upkeep.measureCache().catch(() => null);
  try {
    return { ...store.description, isReachable: true, error: null, ...(await measureContent(store)), cache };
  } catch (error) {
    return { ...store.description, isReachable: false, error: describe(error), ...UNKNOWN, cache };
  }
}

/** What there is in an image service is its own affair. */
export async function measureService(service: ImageService): Promise<StoreStatus> {
  try {
    await service.check();
    return { ...service.description, isReachable: true, error: null, ...UNKNOWN };
  } catch (error) {
    return { ...service.description, isReachable: false, error: describe(error), ...UNKNOWN };
  }
}

async function measureContent({ images, shelf, snapshots }: OpenStore) {
  const [ofImages, deleted, ofSnapshots, shelved] = await Promise.all([
    images.listImages(),
    images.listRecycled(),
    snapshots.list(),
    shelf.list(),
  ]);
  return {
    images: count(ofImages.images, ofImages.broken, ({ sizeBytes }) => sizeBytes),
    deletedImages: count(deleted.recycled, deleted.broken, ({ sizeBytes }) => sizeBytes),
    snapshots: count(ofSnapshots.snapshots, ofSnapshots.broken, ({ storedBytes }) => storedBytes),
    shelvedInstances: shelved.instances.length + shelved.broken.length,
    freeBytes: images.keepsFilesHere ? await images.freeBytes() : null,
  };
}

/** What is broken is there, and nobody knows how long it is. */
function count<T>(sound: readonly T[], broken: readonly unknown[], bytesOf: (one: T) => number): StoreCount {
  return { count: sound.length + broken.length, bytes: sound.reduce((sum, one) => sum + bytesOf(one), 0) };
}

function describe(error: unknown): NonNullable<StoreStatus['error']> {
  const { code, message } = toDarkroomError(error);
  return { code, message };
}
