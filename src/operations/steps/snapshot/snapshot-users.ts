import { hasCode } from '../../../model/errors.ts';
import type { SnapshotRecord, SnapshotUser } from '../../../model/snapshot/snapshot.ts';
import type { Core } from '../../support/context.ts';
import { claimVolume, releaseVolume } from './volume-claim.ts';

type Used = Pick<SnapshotRecord, 'id' | 'volume' | 'users'>;

/**
 * Thin volumes that stand on the snapshot's file. One of this host whose file is gone, or stands on something else by now, is none
 * any more; those of other hosts are believed. Ask under the volume's lock: a volume in the making is on record before its file is there.
 */
export async function listLiveUsers(core: Core, snapshot: Used): Promise<readonly SnapshotUser[]> {
  const live: SnapshotUser[] = [];
  for (const user of snapshot.users) if (await isLive(core, snapshot, user)) live.push(user);
  return live;
}

/** On record before the overlay exists. */
export async function addSnapshotUser(core: Core, work: UserChange): Promise<void> {
  const since = core.clock.now().toISOString();
  await changeUsers(core, work, (users) => [
    ...withoutPath(core, users, work.path),
    { host: core.hostName, path: work.path, since },
  ]);
}

/** Idempotent, also where the snapshot itself is gone. */
export async function dropSnapshotUser(core: Core, work: UserChange): Promise<void> {
  try {
    await changeUsers(core, work, (users) => withoutPath(core, users, work.path));
  } catch (error) {
    if (!hasCode(error, 'SNAPSHOT_NOT_FOUND')) throw error;
  }
}

export interface UserChange {
  readonly snapshotId: string;
  readonly volume: string;
  readonly path: string;
  readonly operation: { readonly id: string; readonly kind: string };
}

async function changeUsers(
  core: Core,
  { snapshotId, volume, operation }: UserChange,
  change: (users: readonly SnapshotUser[]) => readonly SnapshotUser[],
): Promise<void> {
  await claimVolume(core, volume, operation);
  try {
    const record = await core.snapshots.read(snapshotId);
    const users = change(record.users);
    if (JSON.stringify(users) !== JSON.stringify(record.users)) await core.snapshots.update({ ...record, users });
  } finally {
    await releaseVolume(core, volume, operation);
  }
}

function withoutPath({ hostName }: Core, users: readonly SnapshotUser[], path: string): readonly SnapshotUser[] {
  return users.filter((user) => user.host !== hostName || user.path !== path);
}

async function isLive(core: Core, snapshot: Used, { host, path }: SnapshotUser): Promise<boolean> {
  if (host !== core.hostName) return true;
  if ((await core.files.stat(path)) === null) return false;
  try {
    const { backing } = await core.diskTool.info({ path, format: 'qcow2' });
    return backing?.path === core.snapshots.filePath(snapshot);
  } catch (error) {
    // what cannot be read may still be needed
    if (hasCode(error, 'QEMU_IMG_FAILED', 'DISK_MISSING')) return true;
    throw error;
  }
}
