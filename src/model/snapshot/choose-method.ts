import type { DiskFormat } from '../image.ts';
import { findHead, listAncestry } from './lineage.ts';
import type { SnapshotRecord } from './snapshot.ts';

/** sound: it tells all that changed since; broken: it is there and cannot be relied on. */
export type BitmapState = 'sound' | 'broken' | 'absent';

export interface VolumeHistory {
  /** All of that volume, deleted ones included. */
  readonly snapshots: readonly SnapshotRecord[];
  readonly volumeFormat: DiskFormat;
  /** Of the disk as it is now, by the name of their checkpoint. */
  readonly bitmaps: ReadonlyMap<string, BitmapState>;
}

export interface MethodWish {
  readonly isFull: boolean;
  readonly isEncrypted: boolean;
}

export type ChosenMethod =
  | { readonly method: 'full'; readonly reason: string | null }
  | { readonly method: 'bitmap'; readonly reason: null; readonly parent: SnapshotRecord; readonly bitmap: string }
  | { readonly method: 'compare'; readonly reason: string; readonly parent: SnapshotRecord };

/**
 * How the next snapshot of a volume is made, and why not by a bitmap. A bitmap goes with the snapshot that it began at, and with no
 * other: a disk that was put back from a copy may hold an old bitmap, and knows nothing of what was taken later.
 */
export function chooseMethod(history: VolumeHistory, { isFull, isEncrypted }: MethodWish): ChosenMethod {
  if (isFull) return { method: 'full', reason: 'it was asked for' };
  const head = findHead(history.snapshots);
  if (head === null) return { method: 'full', reason: null };
  const parents = listParents(history.snapshots).filter((snapshot) => snapshot.isEncrypted === isEncrypted);
  for (const parent of parents) {
    const bitmap = parent.checkpoint;
    if (bitmap !== null && history.bitmaps.get(bitmap) === 'sound')
      return { method: 'bitmap', reason: null, parent, bitmap };
  }
  const [parent] = parents;
  if (parent !== undefined) return { method: 'compare', reason: tellMissingBitmap(parent, history), parent };
  return { method: 'full', reason: tellUnfitHead(head, isEncrypted) };
}

/** Those that others may stand on, what the volume held last first. */
export function listParents(snapshots: readonly SnapshotRecord[]): readonly SnapshotRecord[] {
  return snapshots
    .filter(({ isDeleted, status, id }) => !isDeleted && status === 'active' && isWhole(snapshots, id))
    .sort((left, right) => right.headAt.localeCompare(left.headAt));
}

function isWhole(snapshots: readonly SnapshotRecord[], id: string): boolean {
  const ancestry = listAncestry(snapshots, id);
  return ancestry.at(-1)?.parent === null && ancestry.every(({ status }) => status === 'active');
}

function tellMissingBitmap({ id, checkpoint }: SnapshotRecord, { volumeFormat, bitmaps }: VolumeHistory): string {
  if (volumeFormat === 'raw') return 'a raw disk holds no bitmap';
  if (checkpoint === null) return `no bitmap was begun with the snapshot ${id}`;
  if (bitmaps.get(checkpoint) === 'broken') {
    return `the bitmap ${checkpoint} cannot be relied on, since the guest was not stopped cleanly`;
  }
  return `the disk has no bitmap ${checkpoint} any more`;
}

function tellUnfitHead({ id, isEncrypted }: SnapshotRecord, isEncryptionWanted: boolean): string {
  if (isEncrypted !== isEncryptionWanted) {
    return `the snapshots before it are ${isEncrypted ? '' : 'not '}encrypted, and a chain is so as a whole or not at all`;
  }
  return `the snapshot ${id} cannot be built upon`;
}
