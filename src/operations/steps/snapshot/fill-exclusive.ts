import { exclusiveBytes } from '../../../model/snapshot/exclusive-size.ts';
import { childrenOf } from '../../../model/snapshot/lineage.ts';
import type { SnapshotRecord } from '../../../model/snapshot/snapshot.ts';
import type { Core } from '../../support/context.ts';
import { predictMergedBytes } from './predict-removal.ts';

/**
 * Notes what deleting each snapshot of a volume would free where that is not known for the children that it has now: a list shows it and
 * must not open every file. Those without children need no note, and what would have to be fetched for it stays unknown. For whoever has the volume's claim; never throws, since it is only told.
 */
export async function fillExclusive(core: Core, volume: string): Promise<void> {
  try {
    const { snapshots } = await core.snapshots.list({ volume });
    for (const record of snapshots) await fill(core, snapshots, record);
  } catch (error) {
    core.log.warn({ volume, error: String(error) }, 'what deleting snapshots would free could not be noted');
  }
}

async function fill(core: Core, snapshots: readonly SnapshotRecord[], record: SnapshotRecord): Promise<void> {
  const children = childrenOf(snapshots, record.id);
  const ids = children.map(({ id }) => id).sort();
  if (children.length === 0 || isKnown(record, ids)) return;
  const [only, ...others] = children;
  const merged = only === undefined || others.length > 0 ? null : only;
  // it stands on the record's own file; a figure is not worth bringing chains here
  if (merged !== null && !(await core.snapshots.isHere(merged))) return;
  const mergedBytes = merged === null ? 0 : await predictMergedBytes(core, record, merged);
  const bytes = exclusiveBytes(
    record.storedBytes,
    children.map(({ storedBytes }) => ({ storedBytes, mergedBytes })),
  );
  await core.snapshots.update({ ...record, exclusive: { children: ids, bytes } });
}

function isKnown({ exclusive }: SnapshotRecord, ids: readonly string[]): boolean {
  return exclusive !== null && [...exclusive.children].sort().join() === ids.join();
}
