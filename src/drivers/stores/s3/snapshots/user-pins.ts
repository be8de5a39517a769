import path from 'node:path';
import type { FetchOptions } from '../../../../model/ports/image-store.ts';
import type { SnapshotRecord } from '../../../../model/snapshot/snapshot.ts';
import { isUuid } from '../../documents/layout.ts';
import { snapshotFilePath, volumeFolder } from '../../documents/snapshot-layout.ts';
import { listNames } from '../../files/list-names.ts';
import { withStoreErrors } from '../../files/store-errors.ts';
import type { SnapshotContext } from './context.ts';
import { bringChain } from './resolve-file.ts';

/** A record that becomes another. */
export interface RecordChange {
  /** null: it cannot be read. */
  readonly before: SnapshotRecord | null;
  readonly after: SnapshotRecord;
}

/**
 * While thin volumes of this host stand on the snapshot, its file and all that it stands on are here and stay: from before the
 * record says so until after it says otherwise.
 */
export async function withUserPins<Result>(
  context: SnapshotContext,
  { before, after }: RecordChange,
  write: () => Promise<Result>,
): Promise<Result> {
  const [wasUsed, isUsed] = [before === null ? null : isUsedHere(context, before), isUsedHere(context, after)];
  if (wasUsed === isUsed) return await write();
  try {
    if (isUsed) await pinChain(context, after);
    const result = await write();
    if (!isUsed) await unpinChain(context, after);
    return result;
  } catch (error) {
    // a pin too many keeps a file that is no longer wanted, which harms less than hiding what failed
    if (isUsed && wasUsed === false) await unpinChain(context, after).catch(() => undefined);
    throw error;
  }
}

/** As `bringChain`; where thin volumes of this host stand on it, it stays. */
export async function bringUsedChain(
  context: SnapshotContext,
  snapshot: SnapshotRecord,
  options: FetchOptions,
): Promise<string> {
  return isUsedHere(context, snapshot)
    ? await pinChain(context, snapshot, options)
    : await bringChain(context, snapshot, options);
}

function isUsedHere({ hostName }: SnapshotContext, { users }: SnapshotRecord): boolean {
  return users.some(({ host }) => host === hostName);
}

async function pinChain(
  context: SnapshotContext,
  snapshot: SnapshotRecord,
  options: FetchOptions = {},
): Promise<string> {
  return await bringChain(context, snapshot, { ...options, onLayer: (key) => context.mirror.pin(key, snapshot.id) });
}

/** Also of files that it stood on once and does no longer: those that are here are all that can be pinned. */
async function unpinChain({ mirror }: SnapshotContext, { id, volume }: SnapshotRecord): Promise<void> {
  const folder = mirror.path(volumeFolder('', volume));
  const names = await withStoreErrors({ code: 'STORE_UNUSABLE', action: 'read', path: folder }, () =>
    listNames(folder),
  );
  const ids = names.filter((name) => name.endsWith('.qcow2')).map((name) => path.parse(name).name);
  for (const each of new Set([id, ...ids.filter(isUuid)])) {
    await mirror.unpin(snapshotFilePath('', { id: each, volume }), id);
  }
}
