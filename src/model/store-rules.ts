import type { Image } from './image.ts';
import type { ShelvedInstance } from './shelved-instance.ts';
import type { SnapshotRecord } from './snapshot/snapshot.ts';
import type { StoreFinding } from './store.ts';

interface Broken {
  readonly id: string;
  readonly reason: string;
}

/** All that a store says it holds. */
export interface StoreContent {
  readonly images: readonly Image[];
  readonly brokenImages: readonly Broken[];
  /** Deleted ones that cannot be brought back. */
  readonly brokenDeleted: readonly Broken[];
  readonly snapshots: readonly SnapshotRecord[];
  readonly brokenSnapshots: readonly Broken[];
  readonly instances: readonly ShelvedInstance[];
  readonly brokenInstances: readonly Broken[];
}

/** What of a store's content cannot be read, or lacks what it stands on. Nothing of it is for anybody but a person to remove. */
export function crossCheck(content: StoreContent): readonly StoreFinding[] {
  return [
    ...content.brokenImages.map((broken) => finding('broken-image', broken.id, broken.reason)),
    ...content.brokenDeleted.map(({ id, reason }) =>
      finding('broken-image', id, `The deleted image ${id} cannot be brought back: ${reason}`),
    ),
    ...content.brokenSnapshots.map(({ id, reason }) =>
      finding('broken-snapshot', id, `The snapshot ${id} is damaged: ${reason}`),
    ),
    ...content.brokenInstances.map(({ id, reason }) => finding('broken-shelved-instance', id, reason)),
    ...findMissingImages(content),
    ...findMissingParents(content),
  ];
}

/** Before it leaves its host its disks lie there, and there need be no image yet. */
function findMissingImages({ images, brokenImages, instances }: StoreContent): readonly StoreFinding[] {
  const ids = new Set([...images, ...brokenImages].map(({ id }) => id));
  return instances
    .filter(({ imageId, isImageDeferred }) => !isImageDeferred && !ids.has(imageId))
    .map(({ id, name, imageId }) =>
      finding('missing-image', id, `The shelved instance ${name} (${id}) lacks its image ${imageId}`),
    );
}

function findMissingParents({ snapshots, brokenSnapshots }: StoreContent): readonly StoreFinding[] {
  const ids = new Set([...snapshots, ...brokenSnapshots].map(({ id }) => id));
  return snapshots.flatMap(({ id, parent }) =>
    parent === null || ids.has(parent)
      ? []
      : [finding('missing-parent', id, `The snapshot ${id} stands on ${parent}, which is missing`)],
  );
}

function finding(kind: StoreFinding['kind'], subject: string, message: string): StoreFinding {
  return { kind, subject, message, bytes: null, since: null, isRemovable: false };
}

/** Old enough that nobody is at work on it, on whatever host. What has no age is never. */
export function isForgotten(
  { isRemovable, since }: StoreFinding,
  { nowMs, olderThanMs }: { readonly nowMs: number; readonly olderThanMs: number },
): boolean {
  return isRemovable && since !== null && nowMs - Date.parse(since) > olderThanMs;
}
