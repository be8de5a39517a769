import { DarkroomError } from '../model/errors.ts';
import type { SnapshotStore } from '../model/ports/snapshot-store.ts';
import type { CopySnapshotRequest } from '../model/snapshot/requests.ts';
import { selectMissing } from '../model/snapshot/select-missing.ts';
import type { SnapshotRecord } from '../model/snapshot/snapshot.ts';
import { type ReceivePlan, receivePlanSchema } from './receive-plan.ts';
import { checkSpace } from './steps/check-space.ts';
import { findSnapshot, requireAncestry } from './steps/snapshot/find-snapshot.ts';
import { requireLocked } from './steps/snapshot/require-locked.ts';
import { readLocks } from './steps/snapshot/snapshot-locks.ts';
import { claimElsewhere } from './steps/snapshot/transfer/claim-elsewhere.ts';
import { requireSameAsKnown } from './steps/snapshot/transfer/compare-known.ts';
import { copyChain, notTheSame } from './steps/snapshot/transfer/copy-chain.ts';
import { openReceiver, receiveChain, removeReceived } from './steps/snapshot/transfer/receive.ts';
import { chooseStore } from './steps/store/choose-store.ts';
import { undoAndSettle } from './steps/undo-and-settle.ts';
import type { Core, OperationContext } from './support/context.ts';
import type { Recover, UseCase } from './support/use-case.ts';

interface CopyInput {
  readonly id: string;
  readonly volume: string;
  readonly lockedIds: readonly string[];
  /** Of the store that it is copied to: a folder with its links resolved, or a URL. */
  readonly location: string;
}

/** Brings a snapshot with all that it stands on to another store, all of it or nothing; what is there already is not copied again. */
export const copySnapshot: UseCase<CopySnapshotRequest, CopyInput> = {
  prepare: async (core, request) => {
    const { id, volume } = await findSnapshot(core, request.snapshot);
    const ancestry = await requireAncestry(core, { id, volume });
    const location = await resolveStore(core, request.store);
    return {
      target: id,
      locks: { exclusive: [], shared: readLocks(ancestry) },
      input: { id, volume, lockedIds: ancestry.map((each) => each.id), location },
    };
  },
  run: async (context, input, signal) => {
    const { id, volume, location } = input;
    const ancestry = await requireAncestry(context, { id, volume });
    requireLocked(ancestry, input.lockedIds);
    const store = context.stores.open(location).snapshots;
    await store.assertWritable(volume);
    let plan: ReceivePlan = { version: 1, volume, ids: [], location };
    await context.operation.enter('claim', plan);
    try {
      await claimElsewhere(context, store, volume);
      const missing = await selectComing(context, { store, ancestry });
      plan = { ...plan, ids: missing.map((each) => each.id) };
      await context.operation.enter('copy', plan);
      const arrivals = await copyChain(context, { store, snapshots: missing }, signal);
      await receiveChain(context, { store, arrivals, refuse: notTheSame }, signal);
      await store.releaseClaim(volume, context.operation.id);
    } catch (error) {
      await undoAndSettle(context, () => removeReceived(store, plan, context.operation));
      throw error;
    }
    await context.operation.settle('copied');
    return { snapshotId: id };
  },
};

/** Place of another store than ours. */
async function resolveStore(core: Core, wanted: string): Promise<string> {
  const { snapshots } = core;
  const store = await chooseStore(core, wanted, snapshots);
  if (store !== null) return store.description.location;
  throw invalid(wanted, `${wanted} is the store that the snapshot is in.`);
}

/** From the bottom up. */
async function selectComing(
  context: OperationContext,
  { store, ancestry }: { readonly store: SnapshotStore; readonly ancestry: readonly SnapshotRecord[] },
): Promise<readonly SnapshotRecord[]> {
  const chain = [...ancestry].reverse();
  const top = chain.at(-1);
  if (top === undefined) return [];
  const { volume, instance } = top;
  const { snapshots: known } = await store.list({ volume });
  const refuse = (reason: string) => invalid(store.location, `${store.location} cannot take the chain: ${reason}.`);
  const missing = selectMissing(
    chain,
    requireSameAsKnown(context, { volume, instance, snapshots: chain, refuse }, known),
  );
  const bytes = missing.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  await checkSpace(context, [{ path: store.rootPath, bytes, what: 'the snapshots' }]);
  return missing;
}

function invalid(location: string, message: string): DarkroomError {
  return new DarkroomError('INVALID_REQUEST', message, { fields: { store: location } });
}

export const recoverCopySnapshot: Recover = async (core, unfinished) => {
  const plan = receivePlanSchema.parse(unfinished.plan);
  const isKept = await removeReceived(openReceiver(core, plan), plan, unfinished.operation);
  return [isKept ? 'The snapshots had arrived and were kept.' : 'What had been copied was removed.'];
};
