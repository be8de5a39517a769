import path from 'node:path';
import { DarkroomError } from '../model/errors.ts';
import type { MadeVolume } from '../model/instance.ts';
import type { CreateVolumeRequest } from '../model/snapshot/requests.ts';
import type { SnapshotRecord } from '../model/snapshot/snapshot.ts';
import { type VolumePlan, volumePlanSchema } from './create-volume-plan.ts';
import { temporaryName } from './export-plan.ts';
import { checkSpace } from './steps/check-space.ts';
import { requireReachable } from './steps/launch/require-reachable.ts';
import { findSnapshot, requireAncestry } from './steps/snapshot/find-snapshot.ts';
import { type LockedSnapshot, requireLockedAncestry } from './steps/snapshot/locked-ancestry.ts';
import { snapshotDisk } from './steps/snapshot/read-source.ts';
import { readLocks, volumeLock } from './steps/snapshot/snapshot-locks.ts';
import { isNamed, makeVolume, undoVolume, type VolumeWork } from './steps/snapshot/volume/make-volume.ts';
import { chooseVolumePath, requireFree } from './steps/snapshot/volume/volume-path.ts';
import { undoAndSettle } from './steps/undo-and-settle.ts';
import { fileVolumeId } from './steps/volume-id.ts';
import type { Core, OperationContext } from './support/context.ts';
import { acquireLocks } from './support/operation-locks.ts';
import type { LockRequest, Recover, UseCase } from './support/use-case.ts';

/** An empty overlay with room for its tables to grow at first. */
const OVERLAY_BYTES = 4 * 1024 ** 2;

export interface VolumeInput extends LockedSnapshot, Pick<CreateVolumeRequest, 'clone' | 'format'> {
  readonly path: string;
}

/** A new disk file with a snapshot's content: a copy that stands alone, or an overlay on the store's file. */
export const createVolume: UseCase<CreateVolumeRequest, VolumeInput> = {
  prepare: async (core, request) => {
    const snapshot = await findSnapshot(core, request.snapshot);
    const ancestry = await requireAncestry(core, snapshot);
    await requireCloneable(core, snapshot, request);
    const file = await chooseVolumePath(core, request);
    const { clone, format } = request;
    return {
      target: file,
      locks: { ...volumeLocks(request, { ...snapshot, path: file }), shared: readLocks(ancestry) },
      input: {
        ...{ snapshotId: snapshot.id, volume: snapshot.volume, locked: ancestry.map(({ id }) => id) },
        ...{ path: file, clone, format },
      },
    };
  },

  run: async (context, input, signal) => {
    const work = await prepareWork(context, input, signal);
    const { plan } = work;
    await context.operation.enter('make volume', plan);
    try {
      await makeVolume(context, work, signal);
      const volume = await describeMade(context, work);
      await context.operation.settle('made');
      return { path: plan.path, snapshotId: plan.snapshotId, volume };
    } catch (error) {
      await undoAndSettle(context, () => undoVolume(context, plan, context.operation.id));
      throw error;
    }
  },
};

async function describeMade({ files }: Core, { plan, format, snapshot }: VolumeWork): Promise<MadeVolume> {
  return {
    id: fileVolumeId(plan.path),
    instance: null,
    target: null,
    path: plan.path,
    format,
    virtualSizeBytes: snapshot.logicalBytes,
    sizeBytes: (await files.stat(plan.path))?.allocatedBytes ?? 0,
  };
}

/** A volume that has its name is whole, and may be in use by now: it stays. Everything before that is removed. */
export const recoverCreateVolume: Recover = async (core, unfinished) => {
  const plan = volumePlanSchema.parse(unfinished.plan);
  const { id, kind } = unfinished.operation;
  await acquireLocks(core, volumeLocks({ clone: plan.isThin ? 'thin' : 'full' }, plan), { operationId: id, kind });
  if (await isNamed(core, plan)) {
    await core.files.remove(plan.partialPath);
    return [`The volume ${plan.path} was complete and is kept.`];
  }
  await undoVolume(core, plan, id);
  return ['What had been written of the volume was removed.'];
};

/** A thin volume goes on record in the snapshot's. */
function volumeLocks(
  { clone }: Pick<CreateVolumeRequest, 'clone'>,
  { volume, path: file }: Pick<VolumePlan, 'volume' | 'path'>,
): LockRequest {
  return { exclusive: [`path:${file}`, ...(clone === 'thin' ? [volumeLock(volume)] : [])], shared: [] };
}

async function prepareWork(context: OperationContext, input: VolumeInput, signal: AbortSignal): Promise<VolumeWork> {
  const { snapshot } = await requireLockedAncestry(context, input);
  const source = await snapshotDisk(context, snapshot, { signal });
  await requireFree(context, input.path);
  const isThin = input.clone === 'thin';
  const bytes = isThin ? OVERLAY_BYTES : await context.diskTool.measure(source, input.format, signal);
  await checkSpace(context, [{ path: input.path, bytes, what: 'the new volume' }]);
  const partialName = temporaryName(path.basename(input.path), context.operation.id);
  const plan: VolumePlan = {
    version: 1,
    snapshotId: snapshot.id,
    volume: snapshot.volume,
    path: input.path,
    partialPath: path.join(path.dirname(input.path), partialName),
    isThin,
    inode: null,
  };
  return { plan, format: input.format, snapshot, source };
}

/** INVALID_REQUEST where the snapshot's file cannot be the backing file of what is asked for; STORE_UNUSABLE where QEMU cannot reach it. */
async function requireCloneable(
  core: Core,
  snapshot: SnapshotRecord,
  { clone, format }: Pick<CreateVolumeRequest, 'clone' | 'format'>,
): Promise<void> {
  if (clone === 'full') return;
  if (format !== 'qcow2') throw refuseThin(snapshot, `a ${format} file cannot stand on another`);
  if (snapshot.isEncrypted) throw refuseThin(snapshot, 'it is encrypted, and its key stays with Darkroom');
  await requireReachable(core, core.snapshots.filePath(snapshot));
}

function refuseThin({ id }: SnapshotRecord, why: string): DarkroomError {
  return new DarkroomError(
    'INVALID_REQUEST',
    `No thin volume can be made of the snapshot ${id}: ${why}. Make a full one, without --thin.`,
    { fields: { snapshotId: id } },
  );
}
