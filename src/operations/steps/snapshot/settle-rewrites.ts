import { DarkroomError } from '../../../model/errors.ts';
import type { SnapshotRecord } from '../../../model/snapshot/snapshot.ts';
import type { Core } from '../../support/context.ts';
import { fileNameOf } from './list-family.ts';

/**
 * Rewrites of a volume's snapshots that a process left in the middle: the file is either the old or the new one, and its header says
 * which. Needs no journal. For whoever has the volume's claim, before anything else.
 */
export async function settleRewrites(core: Core, volume: string): Promise<void> {
  const { snapshots } = await core.snapshots.list({ volume });
  for (const record of snapshots) await settleRewrite(core, record);
}

/** Returns the record as it is then. SNAPSHOT_DAMAGED when the file is neither. */
export async function settleRewrite(core: Core, record: SnapshotRecord): Promise<SnapshotRecord> {
  if (record.pending === null) return record;
  const settled = await chooseFacts(core, record);
  await core.snapshots.update(settled);
  return settled;
}

async function chooseFacts(core: Core, record: SnapshotRecord): Promise<SnapshotRecord> {
  const { pending } = record;
  if (pending === null) return record;
  const path = await core.snapshots.resolveFile(record);
  const { backing } = await core.diskTool.info({ path, format: 'qcow2' });
  const seen = backing?.name ?? null;
  // what its file takes changed, so what deleting it would free did too
  if (seen === nameOf(core, record, pending.parent)) return { ...record, ...pending, exclusive: null, pending: null };
  if (seen === nameOf(core, record, record.parent)) return { ...record, pending: null };
  throw new DarkroomError(
    'SNAPSHOT_DAMAGED',
    `The file of the snapshot ${record.id} stands on ${seen ?? 'nothing'}, and neither its record nor the rewrite that was begun says so.`,
    { fields: { snapshotId: record.id, path } },
  );
}

function nameOf(core: Core, { volume }: SnapshotRecord, parent: string | null): string | null {
  return parent === null ? null : fileNameOf(core, { id: parent, volume });
}
