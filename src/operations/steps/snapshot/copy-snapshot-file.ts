import { DarkroomError } from '../../../model/errors.ts';
import type { SnapshotRecord } from '../../../model/snapshot/snapshot.ts';
import type { Core } from '../../support/context.ts';
import { fileNameOf } from './list-family.ts';

/** A copy of its file that can be written to. */
export async function copySnapshotFile(
  core: Core,
  record: SnapshotRecord,
  target: string,
  signal: AbortSignal,
): Promise<void> {
  const bandwidthBytesPerSecond = core.settings.copyBandwidthBytesPerSecond;
  await core.files.copy(await core.snapshots.resolveFile(record, { signal }), target, {
    signal,
    bandwidthBytesPerSecond,
  });
}

/** The file, its own or a copy, has the bytes that it had when its record was made. SNAPSHOT_DAMAGED. */
export async function requireIntact(
  core: Core,
  record: SnapshotRecord,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  if ((await core.files.hash(path, { signal })) === record.sha256) return;
  throw damaged(record, 'its file does not have the checksum of its record');
}

/** Its header says what its record does. SNAPSHOT_DAMAGED. */
export async function requireSameFile(
  core: Core,
  record: SnapshotRecord,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const info = await core.diskTool.info({ path, format: 'qcow2' }, signal);
  const backing = record.parent === null ? null : fileNameOf(core, { id: record.parent, volume: record.volume });
  if ((info.backing?.name ?? null) !== backing)
    throw damaged(record, `it stands on ${info.backing?.name ?? 'nothing'}`);
  if (info.virtualSizeBytes !== record.logicalBytes) throw damaged(record, `its size is ${info.virtualSizeBytes}`);
  if (info.dataFile !== null) throw damaged(record, 'its data lies in another file');
}

function damaged({ id }: SnapshotRecord, reason: string): DarkroomError {
  return new DarkroomError(
    'SNAPSHOT_DAMAGED',
    `The snapshot ${id} is not what it was: ${reason}. Nothing was changed; darkroom snapshot verify ${id} tells more.`,
    { fields: { snapshotId: id, reason } },
  );
}
