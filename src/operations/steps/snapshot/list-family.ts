import path from 'node:path';
import { DarkroomError, hasCode } from '../../../model/errors.ts';
import type { BrokenSnapshot } from '../../../model/ports/snapshot-store.ts';
import type { SnapshotRecord, SnapshotUser } from '../../../model/snapshot/snapshot.ts';
import type { Core } from '../../support/context.ts';
import { listLiveUsers } from './snapshot-users.ts';

/** A snapshot as the rules of deleting see it. */
export type FamilyNode = Pick<SnapshotRecord, 'id' | 'parent' | 'isDeleted' | 'users'>;

/** All snapshots of a volume, hidden ones too. */
export interface Family {
  readonly records: readonly SnapshotRecord[];
  /** With those whose record is broken, so that nothing goes that they stand on; `users` are those that still exist. */
  readonly nodes: readonly FamilyNode[];
}

/** SNAPSHOT_DAMAGED where it cannot be known what one of them stands on: then nothing of that volume may be removed. */
export async function listFamily(core: Core, volume: string): Promise<Family> {
  const { snapshots: records, broken } = await core.snapshots.list({ volume });
  const nodes: FamilyNode[] = [];
  for (const record of records) nodes.push({ ...record, users: await listLiveUsers(core, record) });
  for (const each of broken) nodes.push(await standIn(core, each));
  return { records, nodes };
}

export function requireRecord({ records }: Family, id: string): SnapshotRecord {
  const record = records.find((each) => each.id === id);
  if (record !== undefined) return record;
  throw new DarkroomError('SNAPSHOT_NOT_FOUND', `The snapshot ${id} is gone.`, { fields: { snapshotId: id } });
}

/** Name of its file as the headers of others have it. */
export function fileNameOf(core: Core, snapshot: Pick<SnapshotRecord, 'id' | 'volume'>): string {
  return path.basename(core.snapshots.filePath(snapshot));
}

/** Its file may be good, and a person may mend the record: all that it stands on stays as it is. */
async function standIn(core: Core, { id, volume, reason }: BrokenSnapshot): Promise<FamilyNode> {
  const pin: SnapshotUser = { host: core.hostName, path: core.snapshots.filePath({ id, volume }), since: '' };
  try {
    const parent = await readParent(core, { id, volume });
    return { id, parent, isDeleted: false, users: [pin] };
  } catch (error) {
    if (!hasCode(error, 'SNAPSHOT_DAMAGED', 'QEMU_IMG_FAILED')) throw error;
    throw new DarkroomError(
      'SNAPSHOT_DAMAGED',
      `The record of the snapshot ${id} is broken (${reason}), and so is its file: it is not known which snapshots it needs, so none of ` +
        `volume ${volume} is removed. In ${core.snapshots.location}, put snapshots/${volume}/${id}.qcow2 or its record right, or take both out.`,
      { fields: { snapshotId: id, volume }, cause: error },
    );
  }
}

/** As its file says, wherever the store has it; null also where there is no file. */
async function readParent(core: Core, snapshot: Pick<BrokenSnapshot, 'id' | 'volume'>): Promise<string | null> {
  try {
    const { backing } = await core.diskTool.info({ path: await core.snapshots.resolveFile(snapshot), format: 'qcow2' });
    return backing === null ? null : path.basename(backing.name, path.extname(backing.name));
  } catch (error) {
    if (hasCode(error, 'SNAPSHOT_DAMAGED') && error.fields['isMissing'] === true) return null;
    throw error;
  }
}
