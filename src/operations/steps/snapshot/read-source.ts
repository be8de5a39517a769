import type { DiskFile } from '../../../model/ports/disk-tool.ts';
import type { FetchOptions } from '../../../model/ports/image-store.ts';
import type { SnapshotRecord } from '../../../model/snapshot/snapshot.ts';
import type { Core } from '../../support/context.ts';

/** Its file as a disk that can be read, with the key where it needs one. SNAPSHOT_DAMAGED, ENCRYPTION_KEY_MISSING. */
export async function snapshotDisk(
  core: Core,
  snapshot: Pick<SnapshotRecord, 'id' | 'volume' | 'isEncrypted'>,
  options: FetchOptions = {},
): Promise<DiskFile> {
  return await diskAt(core, snapshot, await core.snapshots.resolveFile(snapshot, options));
}

/** A file that is, or becomes, such a snapshot's. ENCRYPTION_KEY_MISSING. */
export async function diskAt(
  core: Core,
  { isEncrypted }: Pick<SnapshotRecord, 'isEncrypted'>,
  path: string,
): Promise<DiskFile> {
  return { path, format: 'qcow2', ...(isEncrypted ? { key: await core.keys.read() } : {}) };
}
