import type { DiskFile } from '../../../model/ports/disk-tool.ts';
import type { SnapshotRecord } from '../../../model/snapshot/snapshot.ts';
import type { Core } from '../../support/context.ts';

/** Its file as a disk that can be read, with the key where it needs one. SNAPSHOT_DAMAGED, ENCRYPTION_KEY_MISSING. */
export async function snapshotDisk(
  core: Core,
  snapshot: Pick<SnapshotRecord, 'id' | 'volume' | 'isEncrypted'>,
): Promise<DiskFile> {
  const path = await core.snapshots.resolveFile(snapshot);
  return { path, format: 'qcow2', ...(snapshot.isEncrypted ? { key: await core.keys.read() } : {}) };
}
