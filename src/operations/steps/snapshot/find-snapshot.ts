import { DarkroomError } from '../../../model/errors.ts';
import { mayChangeSnapshot, maySeeSnapshot } from '../../../model/snapshot/access.ts';
import { listAncestry } from '../../../model/snapshot/lineage.ts';
import type { SnapshotRecord } from '../../../model/snapshot/snapshot.ts';
import type { Core } from '../../support/context.ts';

const MIN_PREFIX = 8;

/** By its id, or the beginning of it where that is unique among what the caller sees. SNAPSHOT_NOT_FOUND, AMBIGUOUS_NAME. */
export async function findSnapshot(core: Core, reference: string): Promise<SnapshotRecord> {
  const wanted = reference.toLowerCase();
  const { snapshots } = await core.snapshots.list();
  const matches = snapshots.filter((snapshot) => isMeant(snapshot, wanted) && isSeen(core, snapshot));
  const [match, ...others] = matches;
  if (match === undefined) throw notFound(reference);
  if (others.length === 0) return match;
  throw new DarkroomError(
    'AMBIGUOUS_NAME',
    `${matches.length} snapshots have an id that begins with ${reference}: ${matches.map(({ id }) => id).join(', ')}`,
    { fields: { snapshot: reference } },
  );
}

/** The same, and the caller may change it: FORBIDDEN for those it is only shared with. */
export async function findOwnSnapshot(core: Core, reference: string): Promise<SnapshotRecord> {
  const snapshot = await findSnapshot(core, reference);
  if (mayChangeSnapshot(core.caller, snapshot)) return snapshot;
  throw new DarkroomError(
    'FORBIDDEN',
    `The snapshot ${snapshot.id} is shared with you: only ${snapshot.owner ?? 'the host'} may change or delete it.`,
    { fields: { snapshotId: snapshot.id } },
  );
}

/** From the snapshot itself to the one that stands alone. SNAPSHOT_DAMAGED when one of them is missing or failed a verify. */
export async function requireAncestry(
  core: Core,
  snapshot: Pick<SnapshotRecord, 'id' | 'volume'>,
): Promise<readonly SnapshotRecord[]> {
  const { snapshots } = await core.snapshots.list({ volume: snapshot.volume });
  const ancestry = listAncestry(snapshots, snapshot.id);
  const bottom = ancestry.at(-1);
  if (bottom === undefined) throw notFound(snapshot.id);
  if (bottom.parent !== null) throw damaged(snapshot.id, `it stands on ${bottom.parent}, which is missing`);
  const bad = ancestry.find(({ status }) => status === 'error');
  if (bad !== undefined) throw damaged(snapshot.id, `${bad.id === snapshot.id ? 'it' : bad.id} failed a verify`);
  return ancestry;
}

function isMeant({ id, isDeleted }: SnapshotRecord, wanted: string): boolean {
  return !isDeleted && (id === wanted || (wanted.length >= MIN_PREFIX && id.startsWith(wanted)));
}

function isSeen({ caller, clock }: Core, snapshot: SnapshotRecord): boolean {
  return maySeeSnapshot(caller, snapshot, clock.now());
}

function notFound(reference: string): DarkroomError {
  return new DarkroomError(
    'SNAPSHOT_NOT_FOUND',
    `No snapshot has the id ${reference}. darkroom snapshot list shows them.`,
    { fields: { snapshot: reference } },
  );
}

function damaged(snapshotId: string, reason: string): DarkroomError {
  return new DarkroomError('SNAPSHOT_DAMAGED', `The snapshot ${snapshotId} cannot be read: ${reason}.`, {
    fields: { snapshotId, reason },
  });
}
