import { type DeleteStep, planDelete } from '../model/snapshot/plan-delete.ts';
import type { DeleteSnapshotRequest } from '../model/snapshot/requests.ts';
import { type SnapshotRemovalPlan, snapshotRemovalPlanSchema } from './snapshot-removal-plan.ts';
import { fillExclusive } from './steps/snapshot/fill-exclusive.ts';
import { findOwnSnapshot } from './steps/snapshot/find-snapshot.ts';
import { enterVolume, leaveAndSettle, leaveVolume, type VolumeWork } from './steps/snapshot/leave-volume.ts';
import { listFamily } from './steps/snapshot/list-family.ts';
import { goneWith, touchedBy } from './steps/snapshot/pick-step.ts';
import { recoverRemoval } from './steps/snapshot/recover-removal.ts';
import { type Removed, removeSnapshots } from './steps/snapshot/remove-snapshots.ts';
import { snapshotLock, volumeLock } from './steps/snapshot/snapshot-locks.ts';
import { requireUnclaimed } from './steps/snapshot/volume-claim.ts';
import { undoAndSettle } from './steps/undo-and-settle.ts';
import type { OperationContext } from './support/context.ts';
import type { Recover, UseCase } from './support/use-case.ts';

interface DeleteInput {
  readonly snapshotId: string;
  readonly volume: string;
  /** Locked before the operation began. */
  readonly held: readonly string[];
}

/** Any of a volume's snapshots goes; what others need of its data moves into them, or it is hidden until they need it no more. */
export const deleteSnapshot: UseCase<DeleteSnapshotRequest, DeleteInput> = {
  prepare: async (core, request) => {
    const { id, volume } = await findOwnSnapshot(core, request.snapshot);
    await requireUnclaimed(core, volume);
    const { steps } = planDelete((await listFamily(core, volume)).nodes, id);
    // whoever reads what is hidden besides keeps nobody from deleting this one
    const held = steps.filter((step) => goneWith(step) === id).flatMap(touchedBy);
    return {
      target: id,
      locks: { exclusive: [volumeLock(volume), ...held.map(snapshotLock)], shared: [] },
      input: { snapshotId: id, volume, held },
    };
  },
  run: async (context, input, signal) => {
    const plan = await makePlan(context, input);
    const work: VolumeWork = { volume: input.volume, operation: operationOf(context), removals: plan.removals };
    await context.operation.enter('delete', plan);
    try {
      await enterVolume(context, work);
      const removed = await remove(context, { input, work }, signal);
      for (const warning of removed.warnings) context.operation.warn(warning);
      const result = { snapshotId: input.snapshotId, freedBytes: removed.freedBytes };
      await context.operation.saveResult(result);
      await fillExclusive(context, input.volume);
      await leaveAndSettle(context, work);
      return result;
    } catch (error) {
      await undoAndSettle(context, async () => {
        await context.operation.enter('undo', { ...plan, isWanted: false });
        await leaveVolume(context, work);
      });
      throw error;
    }
  },
};

/** Looked at again under the lock; only what goes by itself is not in it. */
async function makePlan(context: OperationContext, { snapshotId, volume }: DeleteInput): Promise<SnapshotRemovalPlan> {
  await findOwnSnapshot(context, snapshotId);
  const { steps } = planDelete((await listFamily(context, volume)).nodes, snapshotId);
  return { version: 1, volume, snapshotId, removals: steps.map(goneWith), isWanted: true };
}

async function remove(
  context: OperationContext,
  { input, work }: { readonly input: DeleteInput; readonly work: VolumeWork },
  signal: AbortSignal,
): Promise<Removed> {
  const onStep = (step: DeleteStep): Promise<void> => context.operation.announce(step.kind);
  const { volume, operation } = work;
  return await removeSnapshots(context, { volume, id: input.snapshotId, operation, held: input.held, onStep }, signal);
}

function operationOf({ operation }: OperationContext): VolumeWork['operation'] {
  return { id: operation.id, kind: 'snapshot.delete' };
}

export const recoverDeleteSnapshot: Recover = (core, unfinished) =>
  recoverRemoval(core, snapshotRemovalPlanSchema.parse(unfinished.plan), unfinished);
