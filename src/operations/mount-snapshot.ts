import { pathToFileURL } from 'node:url';
import { DarkroomError } from '../model/errors.ts';
import type { MountSnapshotRequest } from '../model/snapshot/requests.ts';
import { NOTHING_SERVED, type ServePlan, servePlanSchema } from './serve-plan.ts';
import { findSnapshot, requireAncestry } from './steps/snapshot/find-snapshot.ts';
import { requireEmptyFolder } from './steps/snapshot/mount/require-empty-folder.ts';
import { serveUntilCancelled } from './steps/snapshot/mount/serve.ts';
import { removeServed, servedPath } from './steps/snapshot/mount/served.ts';
import { snapshotDisk } from './steps/snapshot/read-source.ts';
import { requireLocked } from './steps/snapshot/require-locked.ts';
import { readLocks } from './steps/snapshot/snapshot-locks.ts';
import { undoAndSettle } from './steps/undo-and-settle.ts';
import type { OperationContext } from './support/context.ts';
import type { Recover, UseCase } from './support/use-case.ts';

interface MountInput {
  readonly id: string;
  readonly volume: string;
  readonly lockedIds: readonly string[];
  readonly directory: string | null;
}

/** Offers a snapshot for reading until it is cancelled: as NBD, or with its first file system mounted on a folder. */
export const mountSnapshot: UseCase<MountSnapshotRequest, MountInput> = {
  prepare: async (core, request) => {
    const { id, volume } = await findSnapshot(core, request.snapshot);
    const ancestry = await requireAncestry(core, { id, volume });
    const directory = request.directory === null ? null : await requireEmptyFolder(core, request.directory);
    return {
      target: id,
      locks: { exclusive: [], shared: readLocks(ancestry) },
      input: { id, volume, lockedIds: ancestry.map((each) => each.id), directory },
    };
  },
  run: async (context, input, signal) => {
    const ancestry = await requireAncestry(context, input);
    requireLocked(ancestry, input.lockedIds);
    const [snapshot] = ancestry;
    if (snapshot === undefined) throw new DarkroomError('SNAPSHOT_NOT_FOUND', `No snapshot has the id ${input.id}.`);
    const disk = await snapshotDisk(context, snapshot, { signal });
    const plan = await planServing(context, input.directory);
    await context.operation.enter('serve', plan);
    try {
      // ends by being cancelled, which is no failure of it
      await serveUntilCancelled(context, { disk, name: input.id, plan, uri: describeUri(input.id, plan) }, signal);
    } finally {
      await undoAndSettle(context, () => removeServed(context, plan), 'unmounted');
    }
    return { snapshotId: input.id };
  },
};

async function planServing(context: OperationContext, directory: string | null): Promise<ServePlan> {
  if (directory === null) return { ...NOTHING_SERVED, socketPath: await servedPath(context, 'sock') };
  return { ...NOTHING_SERVED, filePath: await servedPath(context, 'raw'), directory };
}

/** https://github.com/NetworkBlockDevice/nbd/blob/master/doc/uri.md; the export is called by the snapshot's id. */
function describeUri(id: string, { socketPath, directory }: ServePlan): string {
  if (directory !== null) return pathToFileURL(directory).href;
  return `nbd+unix:///${id}?socket=${encodeURI(socketPath ?? '')}`;
}

export const recoverMountSnapshot: Recover = async (core, unfinished) => {
  await removeServed(core, servePlanSchema.parse(unfinished.plan));
  return ['The snapshot is no longer mounted.'];
};
