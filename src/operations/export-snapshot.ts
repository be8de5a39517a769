import path from 'node:path';
import type { ExportSnapshotRequest } from '../model/snapshot/requests.ts';
import { type ExportPlan, exportPlanSchema, temporaryName } from './export-plan.ts';
import { checkSpace } from './steps/check-space.ts';
import { findSnapshot, requireAncestry } from './steps/snapshot/find-snapshot.ts';
import { requireLocked } from './steps/snapshot/require-locked.ts';
import { readLocks } from './steps/snapshot/snapshot-locks.ts';
import { writeChain } from './steps/snapshot/transfer/write-chain.ts';
import { requireAbsent, resolveTarget } from './steps/transfer/transfer-path.ts';
import { undoAndSettle } from './steps/undo-and-settle.ts';
import { throwIfCancelled } from './support/patience.ts';
import type { Recover, UseCase } from './support/use-case.ts';

interface ExportInput {
  readonly id: string;
  readonly volume: string;
  readonly lockedIds: readonly string[];
  readonly target: string;
}

/** Writes a snapshot with all that it stands on into one file, which an import takes back into any store. */
export const exportSnapshot: UseCase<ExportSnapshotRequest, ExportInput> = {
  prepare: async (core, request) => {
    const { id, volume } = await findSnapshot(core, request.snapshot);
    const ancestry = await requireAncestry(core, { id, volume });
    const target = await resolveTarget(core, request.path);
    return {
      target: id,
      locks: { exclusive: [], shared: readLocks(ancestry) },
      input: { id, volume, lockedIds: ancestry.map((each) => each.id), target },
    };
  },
  run: async (context, { id, volume, lockedIds, target }, signal) => {
    const ancestry = await requireAncestry(context, { id, volume });
    requireLocked(ancestry, lockedIds);
    const bytes = ancestry.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    await checkSpace(context, [{ path: target, bytes, what: 'the exported snapshots' }]);
    const folder = path.dirname(target);
    const temporaryPath = path.join(folder, temporaryName(path.basename(target), context.operation.id));
    const plan: ExportPlan = { version: 1, temporaryPath };
    await context.operation.enter('write', plan);
    try {
      await writeChain(context, { ancestry, target: temporaryPath, bytes }, signal);
      throwIfCancelled(signal);
      await requireAbsent(context, target);
      await context.files.rename(temporaryPath, target);
      await context.files.sync(folder);
    } catch (error) {
      await undoAndSettle(context, () => context.files.remove(temporaryPath));
      throw error;
    }
    await context.operation.settle('written');
    return { snapshotId: id };
  },
};

export const recoverExportSnapshot: Recover = async (core, unfinished) => {
  const { temporaryPath } = exportPlanSchema.parse(unfinished.plan);
  await core.files.remove(temporaryPath);
  return ['What had been written of the export was removed.'];
};
