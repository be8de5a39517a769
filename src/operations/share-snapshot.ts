import { newUuid } from '../lib/uuid.ts';
import { DarkroomError } from '../model/errors.ts';
import type { Snapshot, SnapshotRecord, SnapshotShare } from '../model/snapshot/snapshot.ts';
import { showSnapshot } from './list-snapshots.ts';
import { findOwnSnapshot } from './steps/snapshot/find-snapshot.ts';
import { volumeLock } from './steps/snapshot/snapshot-locks.ts';
import { claimVolume, releaseVolume } from './steps/snapshot/volume-claim.ts';
import type { Core } from './support/context.ts';
import { acquireLocks } from './support/operation-locks.ts';

const MAX_SHARES = 128;

/** Replaces an earlier share with the same principal. INVALID_REQUEST, FORBIDDEN, SNAPSHOT_NOT_FOUND, VOLUME_BUSY. */
export async function shareSnapshot(core: Core, reference: string, share: SnapshotShare): Promise<Snapshot> {
  requireAhead(core, share);
  const found = await findOwnSnapshot(core, reference);
  requireOther(found, share);
  return await changeShares(core, { found, kind: 'snapshot.share' }, (shares) => {
    const others = shares.filter(({ principal }) => principal !== share.principal);
    if (others.length >= MAX_SHARES) throw invalid(`it is shared with ${MAX_SHARES} principals already`, found);
    return [...others, share];
  });
}

/** PRINCIPAL_NOT_FOUND where it is not shared with that one: a slip must not pass for a revocation. */
export async function unshareSnapshot(core: Core, reference: string, principal: string): Promise<Snapshot> {
  const found = await findOwnSnapshot(core, reference);
  return await changeShares(core, { found, kind: 'snapshot.unshare' }, (shares) => {
    if (!shares.some((share) => share.principal === principal)) throw notShared(found, principal);
    return shares.filter((share) => share.principal !== principal);
  });
}

interface Change {
  readonly found: SnapshotRecord;
  readonly kind: string;
}

/** Alone with the records of that volume, so that no other change of this one is lost. */
async function changeShares(
  core: Core,
  { found: { id, volume }, kind }: Change,
  change: (shares: readonly SnapshotShare[]) => readonly SnapshotShare[],
): Promise<Snapshot> {
  const operation = { id: newUuid(), kind };
  await acquireLocks(core, { exclusive: [volumeLock(volume)], shared: [] }, { operationId: operation.id, kind });
  try {
    await claimVolume(core, volume, operation);
    try {
      await updateShares(core, id, change);
    } finally {
      await releaseVolume(core, volume, operation);
    }
  } finally {
    await core.locks.release(operation.id);
  }
  return await showSnapshot(core, id);
}

/** What was found before the lock may have changed since. Shares whose time is over go with any change. */
async function updateShares(
  core: Core,
  id: string,
  change: (shares: readonly SnapshotShare[]) => readonly SnapshotShare[],
): Promise<void> {
  const record = await findOwnSnapshot(core, id);
  const now = core.clock.now().getTime();
  const shares = change(record.shares).filter(({ expiresAt }) => expiresAt === null || Date.parse(expiresAt) > now);
  await core.snapshots.update({ ...record, shares });
  core.log.info({ snapshotId: id, shares: shares.length }, 'a snapshot is shared with others than before');
}

function requireAhead({ clock }: Core, { expiresAt }: SnapshotShare): void {
  if (expiresAt === null || Date.parse(expiresAt) > clock.now().getTime()) return;
  throw new DarkroomError('INVALID_REQUEST', `expiresAt: ${expiresAt} is over already.`, {
    fields: { field: 'expiresAt', expiresAt },
  });
}

function requireOther(found: SnapshotRecord, { principal }: SnapshotShare): void {
  if (found.owner === principal) throw invalid(`it is ${principal}'s own`, found);
}

function invalid(reason: string, { id }: SnapshotRecord): DarkroomError {
  return new DarkroomError('INVALID_REQUEST', `The snapshot ${id} cannot be shared so: ${reason}.`, {
    fields: { snapshotId: id, reason },
  });
}

function notShared({ id }: SnapshotRecord, principal: string): DarkroomError {
  return new DarkroomError(
    'PRINCIPAL_NOT_FOUND',
    `The snapshot ${id} is not shared with ${principal}. darkroom snapshot show ${id} says with whom it is.`,
    { fields: { snapshotId: id, principal } },
  );
}
