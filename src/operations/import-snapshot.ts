import type { HeldFile } from '../model/ports/host.ts';
import type { ImportSnapshotRequest } from '../model/snapshot/requests.ts';
import { selectMissing } from '../model/snapshot/select-missing.ts';
import { type ReceivePlan, receivePlanSchema } from './receive-plan.ts';
import { ByteProgress } from './steps/byte-progress.ts';
import { checkSnapshotQuota } from './steps/check-quota.ts';
import { checkSpace } from './steps/check-space.ts';
import { settleRewrites } from './steps/snapshot/settle-rewrites.ts';
import { volumeLock } from './steps/snapshot/snapshot-locks.ts';
import { requireOwnVolume, requireSameAsKnown } from './steps/snapshot/transfer/compare-known.ts';
import { type PromisedChain, readPromise } from './steps/snapshot/transfer/read-manifest.ts';
import { openReceiver, receiveChain, removeReceived } from './steps/snapshot/transfer/receive.ts';
import { holdArchive, refused } from './steps/snapshot/transfer/refused.ts';
import { unpackChain } from './steps/snapshot/transfer/unpack-chain.ts';
import { claimVolume } from './steps/snapshot/volume-claim.ts';
import { undoAndSettle } from './steps/undo-and-settle.ts';
import type { Core, OperationContext } from './support/context.ts';
import type { Recover, UseCase } from './support/use-case.ts';

interface ImportInput {
  readonly path: string;
  readonly id: string;
  readonly volume: string;
}

/** A chain that an export wrote becomes snapshots of this store, all of it or nothing. */
export const importSnapshot: UseCase<ImportSnapshotRequest, ImportInput> = {
  prepare: async (core, { path }) => {
    // only looked at here; the operation opens it again
    await using source = await holdArchive(core, path);
    const { top, volume } = await readChain(core, source, path);
    return {
      target: top.id,
      locks: { exclusive: [volumeLock(volume)], shared: [] },
      input: { path, id: top.id, volume },
    };
  },
  run: async (context, input, signal) => {
    await using source = await holdArchive(context, input.path);
    await context.snapshots.assertWritable(input.volume);
    const plan: ReceivePlan = { version: 1, volume: input.volume, ids: [], location: null };
    await context.operation.enter('claim', plan);
    let taken = plan;
    const enter = async (ids: readonly string[]): Promise<void> => {
      taken = { ...plan, ids: [...ids] };
      await context.operation.enter('take in', taken);
    };
    try {
      const operation = { id: context.operation.id, kind: 'snapshot.import' };
      await claimVolume(context, input.volume, operation);
      await settleRewrites(context, input.volume);
      const snapshotIds = await takeIn(context, { ...input, source, enter }, signal);
      await context.snapshots.releaseClaim(input.volume, context.operation.id);
      await context.operation.settle('published');
      return { snapshotId: input.id, snapshotIds };
    } catch (error) {
      await undoAndSettle(context, () => removeReceived(context.snapshots, taken, context.operation));
      throw error;
    }
  },
};

interface TakeIn extends ImportInput {
  readonly source: HeldFile;
  readonly enter: (ids: readonly string[]) => Promise<void>;
}

/** Ids of what is new and can be seen, from the bottom up. */
async function takeIn(context: OperationContext, work: TakeIn, signal: AbortSignal): Promise<readonly string[]> {
  const { source, path } = work;
  await using archive = context.archives.open(source.heldPath);
  const chain = await readPromise(context, archive, path);
  if (chain.volume !== work.volume || chain.top.id !== work.id) throw refused(path, 'it was replaced by another file');
  const missing = await selectComing(context, chain, path);
  const bytes = missing.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  await checkSnapshotQuota(context, { count: missing.length, bytes });
  await checkSpace(context, [{ path: context.snapshots.rootPath, bytes, what: 'the snapshots' }]);
  await work.enter(missing.map(({ id }) => id));
  const progress = new ByteProgress(context.operation, bytes);
  const wantedIds = new Set(missing.map(({ id }) => id));
  const owner = context.caller.name;
  const arrivals = await unpackChain(context, { archive, source: path, chain, wantedIds, owner, progress }, signal);
  const refuse = (id: string, reason: string, cause?: unknown) => refused(path, `of ${id}.qcow2, ${reason}`, cause);
  await receiveChain(context, { store: context.snapshots, arrivals, refuse }, signal);
  if (missing.length < chain.snapshots.length) {
    context.operation.warn(`${chain.snapshots.length - missing.length} of its snapshots were there already.`);
  }
  return missing.filter(({ isDeleted }) => !isDeleted).map(({ id }) => id);
}

async function selectComing(
  context: OperationContext,
  chain: PromisedChain,
  path: string,
): Promise<PromisedChain['snapshots']> {
  const { snapshots: known } = await context.snapshots.list({ volume: chain.volume });
  const coming = { ...chain, refuse: (reason: string) => refused(path, reason) };
  await requireOwnVolume(context, coming, known);
  return selectMissing(chain.snapshots, requireSameAsKnown(context, coming, known));
}

async function readChain(core: Core, source: HeldFile, path: string): Promise<PromisedChain> {
  await using archive = core.archives.open(source.heldPath);
  return await readPromise(core, archive, path);
}

export const recoverImportSnapshot: Recover = async (core, unfinished) => {
  const plan = receivePlanSchema.parse(unfinished.plan);
  const isKept = await removeReceived(openReceiver(core, plan), plan, unfinished.operation);
  return [isKept ? 'The snapshots had been published and were kept.' : 'What had been taken in was removed.'];
};
