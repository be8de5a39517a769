import { newUuid } from '../lib/uuid.ts';
import { DarkroomError } from '../model/errors.ts';
import type { Image } from '../model/image.ts';
import { requireImageName, requireProperties } from '../model/image-request-rules.ts';
import type { ImageFromSnapshotRequest } from '../model/snapshot/requests.ts';
import type { SnapshotRecord } from '../model/snapshot/snapshot.ts';
import { type ImportPlan, importPlanSchema } from './import-plan.ts';
import { checkQuota } from './steps/check-quota.ts';
import { checkSpace } from './steps/check-space.ts';
import { removeUnpublished } from './steps/remove-unpublished.ts';
import { findSnapshot, requireAncestry } from './steps/snapshot/find-snapshot.ts';
import { buildImage, type ImageWork } from './steps/snapshot/image/build-image.ts';
import { designMachine } from './steps/snapshot/image/design-machine.ts';
import { type LockedSnapshot, requireLockedAncestry } from './steps/snapshot/locked-ancestry.ts';
import { snapshotDisk } from './steps/snapshot/read-source.ts';
import { readLocks } from './steps/snapshot/snapshot-locks.ts';
import { undoAndSettle } from './steps/undo-and-settle.ts';
import type { Core, OperationContext } from './support/context.ts';
import type { Recover, UseCase } from './support/use-case.ts';

export interface ImageInput extends LockedSnapshot {
  readonly request: ImageFromSnapshotRequest;
}

/** A snapshot becomes a bootable image of its own: the machine that it was taken of, with this one disk. */
export const imageFromSnapshot: UseCase<ImageFromSnapshotRequest, ImageInput> = {
  prepare: async (core, request) => {
    requireImageName(request.name);
    requireProperties(request.properties);
    if (request.isEncrypted) await core.keys.read();
    const snapshot = await findSnapshot(core, request.snapshot);
    const ancestry = await requireAncestry(core, snapshot);
    designMachine(core, snapshot, await requireDomainXml(core, snapshot));
    return {
      target: request.name,
      locks: { exclusive: [], shared: readLocks(ancestry) },
      input: {
        ...{ snapshotId: snapshot.id, volume: snapshot.volume, locked: ancestry.map(({ id }) => id) },
        request,
      },
    };
  },

  run: async (context, input, signal) => {
    const work = await prepareWork(context, input, signal);
    const plan: ImportPlan = { version: 1, imageId: work.imageId };
    await context.operation.enter('copy', plan);
    let image: Image;
    try {
      image = await buildImage(context, work, signal);
    } catch (error) {
      await undoAndSettle(context, () => removeUnpublished(context, plan.imageId));
      throw error;
    }
    await context.operation.settle('published');
    return { imageId: image.id, snapshotId: input.snapshotId };
  },
};

export const recoverImageFromSnapshot: Recover = async (core, unfinished) => {
  const { imageId } = importPlanSchema.parse(unfinished.plan);
  const isKept = await removeUnpublished(core, imageId);
  return [isKept ? `The image ${imageId} had been published and was kept.` : 'What had been copied was removed.'];
};

/** Looks again, under the locks, and refuses what can be refused before anything is written. */
async function prepareWork(
  context: OperationContext,
  { request, ...input }: ImageInput,
  signal: AbortSignal,
): Promise<ImageWork> {
  const { snapshot } = await requireLockedAncestry(context, input);
  const machine = designMachine(context, snapshot, await requireDomainXml(context, snapshot));
  const source = await snapshotDisk(context, snapshot, { signal });
  await context.store.assertWritable();
  const measuredBytes = await context.diskTool.measure(source, 'qcow2', signal);
  await checkQuota(context, measuredBytes);
  await checkSpace(context, [{ path: context.store.rootPath, bytes: measuredBytes, what: 'the image' }]);
  return { request, snapshot, source, machine, imageId: newUuid(), measuredBytes };
}

async function requireDomainXml(core: Core, snapshot: SnapshotRecord): Promise<string> {
  const xml = await core.snapshots.readDomainXml(snapshot);
  if (xml !== null) return xml;
  throw new DarkroomError(
    'SNAPSHOT_STATE',
    `The snapshot ${snapshot.id} was kept without the definition of its instance, so that no machine can be made of it. ` +
      `Make a volume of it and attach that: darkroom volume create --from-snapshot ${snapshot.id}`,
    { fields: { snapshotId: snapshot.id } },
  );
}
