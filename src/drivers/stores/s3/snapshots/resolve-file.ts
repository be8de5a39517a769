import { stat } from 'node:fs/promises';
import type { FetchOptions } from '../../../../model/ports/image-store.ts';
import {
  type SnapshotKey,
  snapshotDamaged,
  snapshotFileMissing,
  snapshotFilePath,
} from '../../documents/snapshot-layout.ts';
import { withStoreErrors } from '../../files/store-errors.ts';
import { translateDamage } from '../translate-damage.ts';
import { readBackingId } from './backing-id.ts';
import type { SnapshotContext } from './context.ts';

/** Who merges a file away rewrites what stood on it first: the next look finds what was meanwhile put in its place. */
const MAX_ATTEMPTS = 3;

export interface ChainOptions extends FetchOptions {
  /** Before the file of that key is brought here. */
  readonly onLayer?: (key: string) => Promise<void>;
}

/**
 * The snapshot's file, with all that it stands on, as the bucket has it now. What stands on what the files themselves say, since a
 * record may be a moment older, or broken. SNAPSHOT_DAMAGED where one is missing; STORE_UNUSABLE, NO_SPACE, CANCELLED.
 */
export async function bringChain(
  context: SnapshotContext,
  snapshot: SnapshotKey,
  options: ChainOptions = {},
): Promise<string> {
  const file = context.mirror.path(snapshotFilePath('', snapshot));
  for (let attempt = 1; ; attempt += 1) {
    const missing = await walk(context, snapshot, options);
    if (missing === null) return file;
    if (missing === snapshot.id) throw snapshotFileMissing(snapshot.id);
    if (attempt >= MAX_ATTEMPTS) {
      throw snapshotDamaged(snapshot.id, `the file of ${missing}, which it stands on, is missing`);
    }
  }
}

/** Nothing is fetched. STORE_UNUSABLE. */
export async function isChainHere({ mirror }: SnapshotContext, snapshot: SnapshotKey): Promise<boolean> {
  const seen = new Set<string>();
  for (let id: string | null = snapshot.id; id !== null && !seen.has(id); ) {
    seen.add(id);
    const file = await mirror.find(snapshotFilePath('', { id, volume: snapshot.volume }));
    if (file === null) return false;
    id = await withStoreErrors({ code: 'STORE_UNUSABLE', action: 'read', path: file }, () => readBackingId(file));
  }
  return true;
}

/** The id of the first whose file is missing; null when all are here. */
async function walk(context: SnapshotContext, snapshot: SnapshotKey, options: ChainOptions): Promise<string | null> {
  const seen = new Set<string>();
  let bytes = 0;
  for (let id: string | null = snapshot.id; id !== null; ) {
    if (seen.has(id)) throw snapshotDamaged(snapshot.id, `the file of ${id} stands on itself`);
    seen.add(id);
    const below = bytes;
    const onBytes = (totalBytes: number) => options.onBytes?.(below + totalBytes);
    const isFresh = options.isFresh === true && id === snapshot.id;
    const layer = await bringLayer(context, { id, volume: snapshot.volume }, { ...options, onBytes, isFresh });
    if (layer === null) return id;
    bytes += layer.sizeBytes;
    id = layer.backingId;
  }
  return null;
}

async function bringLayer(
  { mirror }: SnapshotContext,
  layer: SnapshotKey,
  options: ChainOptions,
): Promise<{ readonly sizeBytes: number; readonly backingId: string | null } | null> {
  const key = snapshotFilePath('', layer);
  await options.onLayer?.(key);
  const file = await translateDamage(
    (reason) => snapshotDamaged(layer.id, reason),
    () => mirror.fetch(key, options),
  );
  if (file === null) return null;
  return await withStoreErrors({ code: 'STORE_UNUSABLE', action: 'read', path: file }, async () => {
    return { sizeBytes: (await stat(file)).size, backingId: await readBackingId(file) };
  });
}
