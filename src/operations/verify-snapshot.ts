import { DarkroomError, hasCode } from '../model/errors.ts';
import { listAncestry } from '../model/snapshot/lineage.ts';
import type { VerifySnapshotRequest } from '../model/snapshot/requests.ts';
import type { SnapshotRecord } from '../model/snapshot/snapshot.ts';
import { servePlanSchema } from './serve-plan.ts';
import { ByteProgress } from './steps/byte-progress.ts';
import { findOwnSnapshot } from './steps/snapshot/find-snapshot.ts';
import { removeServed } from './steps/snapshot/mount/served.ts';
import { requireLocked } from './steps/snapshot/require-locked.ts';
import { readLocks } from './steps/snapshot/snapshot-locks.ts';
import { type ComparableVolume, compareWithVolume, findComparable } from './steps/snapshot/verify/compare-volume.ts';
import { verifyFailed } from './steps/snapshot/verify/failed.ts';
import { verifyContent } from './steps/snapshot/verify/read-content.ts';
import { recordVerdict } from './steps/snapshot/verify/record-verdict.ts';
import { verifyLayer } from './steps/snapshot/verify/verify-layer.ts';
import type { OperationContext } from './support/context.ts';
import { throwIfCancelled } from './support/patience.ts';
import type { Recover, UseCase } from './support/use-case.ts';

interface VerifyInput {
  readonly id: string;
  readonly volume: string;
  readonly lockedIds: readonly string[];
  readonly isDeep: boolean;
  /** null: it cannot be compared with its volume, or was not asked to be. */
  readonly comparable: ComparableVolume | null;
}

/** Reads a snapshot again with all that it stands on, and says whether it is what it was. */
export const verifySnapshot: UseCase<VerifySnapshotRequest, VerifyInput> = {
  prepare: async (core, { snapshot: reference, isDeep }) => {
    const snapshot = await findOwnSnapshot(core, reference);
    const { id, volume } = snapshot;
    const { snapshots } = await core.snapshots.list({ volume });
    const ancestry = listAncestry(snapshots, id);
    const comparable = isDeep ? await findComparable(core, snapshot, snapshots) : null;
    const instance = comparable === null ? [] : [`instance:${comparable.instance}`];
    return {
      target: id,
      locks: { exclusive: [], shared: [...readLocks(ancestry), ...instance] },
      input: { id, volume, lockedIds: ancestry.map((each) => each.id), isDeep, comparable },
    };
  },
  run: async (context, input, signal) => {
    const { snapshots } = await context.snapshots.list({ volume: input.volume });
    const ancestry = listAncestry(snapshots, input.id);
    requireLocked(ancestry, input.lockedIds);
    await context.operation.announce('read');
    try {
      const contentSha256 = await verify(context, { ...input, ancestry }, signal);
      await recordSound(context, ancestry, contentSha256);
    } catch (error) {
      if (hasCode(error, 'VERIFY_FAILED')) await recordDamage(context, ancestry, error);
      throw error;
    }
    return { snapshotId: input.id };
  },
};

/** SHA-256 of the content where it was read. */
async function verify(
  context: OperationContext,
  work: VerifyInput & { readonly ancestry: readonly SnapshotRecord[] },
  signal: AbortSignal,
): Promise<string | null> {
  const { ancestry, isDeep, comparable } = work;
  const snapshot = await requireWhole(context, work);
  const bytes = ancestry.reduce((sum, { sizeBytes }) => sum + sizeBytes, isDeep ? snapshot.logicalBytes : 0);
  const progress = new ByteProgress(context.operation, bytes);
  for (const layer of [...ancestry].reverse()) {
    throwIfCancelled(signal);
    await verifyLayer(context, { snapshot: layer, progress }, signal);
  }
  if (!isDeep) return null;
  const sha256 = await verifyContent(context, { snapshot, progress }, signal);
  if (comparable !== null) await compareWithVolume(context, { snapshot, volume: comparable }, signal);
  return sha256;
}

/** The snapshot itself, of which nothing is missing. */
async function requireWhole(
  context: OperationContext,
  work: { readonly id: string; readonly volume: string; readonly ancestry: readonly SnapshotRecord[] },
): Promise<SnapshotRecord> {
  const [snapshot] = work.ancestry;
  const bottom = work.ancestry.at(-1);
  if (snapshot === undefined || bottom === undefined) {
    throw new DarkroomError('SNAPSHOT_NOT_FOUND', `The snapshot ${work.id} was deleted meanwhile.`, {
      fields: { snapshotId: work.id },
    });
  }
  if (bottom.parent === null) return snapshot;
  const { broken } = await context.snapshots.list({ volume: work.volume });
  const reason = broken.find(({ id }) => id === bottom.parent)?.reason;
  const seen = reason === undefined ? 'is missing' : `has a record that cannot be read: ${reason}`;
  throw verifyFailed(bottom.id, `it stands on ${bottom.parent}, which ${seen}`);
}

/** One that failed before is itself again. */
async function recordSound(
  context: OperationContext,
  ancestry: readonly SnapshotRecord[],
  contentSha256: string | null,
): Promise<void> {
  const [snapshot] = ancestry;
  if (snapshot === undefined) return;
  const change = (current: SnapshotRecord): SnapshotRecord => {
    const isNews = current.id === snapshot.id && contentSha256 !== null && current.contentSha256 !== contentSha256;
    if (current.status === 'active' && !isNews) return current;
    return { ...current, status: 'active', ...(isNews ? { contentSha256 } : {}) };
  };
  const ids = ancestry.filter((each) => change(each) !== each).map(({ id }) => id);
  if (ids.length > 0) await recordVerdict(context, { volume: snapshot.volume, ids, change });
}

/** Of what was to be verified, the one with the fault and all that stands on it. */
async function recordDamage(
  context: OperationContext,
  ancestry: readonly SnapshotRecord[],
  { fields }: DarkroomError,
): Promise<void> {
  const [snapshot] = ancestry;
  if (snapshot === undefined) return;
  const faulty = ancestry.findIndex(({ id }) => id === fields['snapshotId']);
  const ids = ancestry.slice(0, faulty + 1).map(({ id }) => id);
  const seen = new Map(ancestry.map((each) => [each.id, each.sha256]));
  await recordVerdict(context, {
    volume: snapshot.volume,
    ids,
    // another host may have rewritten it while it was read here
    change: (current) => (seen.get(current.id) === current.sha256 ? { ...current, status: 'error' } : current),
  });
}

export const recoverVerifySnapshot: Recover = async (core, unfinished) => {
  await removeServed(core, servePlanSchema.parse(unfinished.plan));
  return ['What the snapshot was read through was taken down.'];
};
