import { DarkroomError, hasCode } from '../model/errors.ts';
import { findOverlong } from '../model/snapshot/find-overlong.ts';
import type { ConsolidateSnapshotsRequest } from '../model/snapshot/requests.ts';
import { type SnapshotRemovalPlan, snapshotRemovalPlanSchema } from './snapshot-removal-plan.ts';
import { fillExclusive } from './steps/snapshot/fill-exclusive.ts';
import { flattenSnapshot } from './steps/snapshot/flatten-snapshot.ts';
import { enterVolume, leaveAndSettle, leaveVolume, type VolumeWork } from './steps/snapshot/leave-volume.ts';
import { listFamily, requireRecord } from './steps/snapshot/list-family.ts';
import { recoverRemoval } from './steps/snapshot/recover-removal.ts';
import { removeSnapshots } from './steps/snapshot/remove-snapshots.ts';
import { volumeLock } from './steps/snapshot/snapshot-locks.ts';
import { requireUnclaimed } from './steps/snapshot/volume-claim.ts';
import { undoAndSettle } from './steps/undo-and-settle.ts';
import type { OperationContext } from './support/context.ts';
import { throwIfCancelled } from './support/patience.ts';
import type { Recover, UseCase } from './support/use-case.ts';

interface ConsolidateInput {
  readonly volume: string;
}

/** What is hidden and no longer needed goes; then chains that are longer than they may be get a new bottom in their middle. */
export const consolidateSnapshots: UseCase<ConsolidateSnapshotsRequest, ConsolidateInput> = {
  prepare: async (core, { volume }) => {
    const { records } = await listFamily(core, volume);
    if (records.length === 0) throw noSnapshots(volume);
    await requireUnclaimed(core, volume);
    return { target: volume, locks: { exclusive: [volumeLock(volume)], shared: [] }, input: { volume } };
  },
  run: async (context, { volume }, signal) => {
    const plan: SnapshotRemovalPlan = { version: 1, volume, snapshotId: null, removals: [], isWanted: false };
    const work: VolumeWork = {
      volume,
      operation: { id: context.operation.id, kind: 'snapshot.consolidate' },
      removals: [],
    };
    await context.operation.enter('consolidate', plan);
    try {
      await enterVolume(context, work);
      const freedBytes = await consolidate(context, work, signal);
      await fillExclusive(context, volume);
      await leaveAndSettle(context, work);
      return { freedBytes };
    } catch (error) {
      await undoAndSettle(context, () => leaveVolume(context, work));
      throw error;
    }
  },
};

/** What goes first need not be read, and makes room. */
async function consolidate(context: OperationContext, work: VolumeWork, signal: AbortSignal): Promise<number> {
  const before = await clearAway(context, work, signal);
  await flattenAll(context, work, signal);
  return before + (await clearAway(context, work, signal));
}

async function clearAway(context: OperationContext, { volume, operation }: VolumeWork, signal: AbortSignal) {
  const removed = await removeSnapshots(context, { volume, id: null, operation, held: [] }, signal);
  for (const warning of removed.warnings) context.operation.warn(warning);
  return removed.freedBytes;
}

async function flattenAll(
  context: OperationContext,
  { volume, operation }: VolumeWork,
  signal: AbortSignal,
): Promise<void> {
  const { maxChain } = context.settings;
  const busy = new Set<string>();
  for (;;) {
    throwIfCancelled(signal);
    const family = await listFamily(context, volume);
    const overlong = findOverlong(family.nodes, { maxChain, except: busy });
    if (overlong === null) return;
    await context.operation.announce('flatten');
    try {
      await flattenSnapshot(context, { record: requireRecord(family, overlong.id), operation }, signal);
    } catch (error) {
      // somebody reads it: another time
      if (!hasCode(error, 'SNAPSHOT_BUSY')) throw error;
      busy.add(overlong.id);
    }
  }
}

function noSnapshots(volume: string): DarkroomError {
  return new DarkroomError('VOLUME_NOT_FOUND', `There are no snapshots of a volume ${volume}.`, { fields: { volume } });
}

/** What it had not done yet the next one does. */
export const recoverConsolidateSnapshots: Recover = (core, unfinished) =>
  recoverRemoval(core, snapshotRemovalPlanSchema.parse(unfinished.plan), unfinished);
