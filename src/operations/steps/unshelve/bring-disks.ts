import { mapConcurrently } from '../../../lib/async.ts';
import type { ImageDisk } from '../../../model/image.ts';
import type { ShelvedDisk } from '../../../model/shelved-instance.ts';
import type { OperationContext } from '../../support/context.ts';
import { type CopyTurns, createCopyTurns } from '../../support/copy-turns.ts';
import type { UnshelvePlan } from '../../unshelve-plan.ts';
import { ownershipOf } from '../file-ownership.ts';
import { missingDisk } from '../missing-disk.ts';
import { TransferProgress } from '../store/transfer-progress.ts';
import { plainOwnership } from './bring-files.ts';
import { bringStraight } from './bring-straight.ts';
import { comesStraight } from './comes-straight.ts';
import { makeOwn } from './make-own.ts';
import { notTheSame } from './not-the-same.ts';
import type { Placed } from './place-machine.ts';
import type { Return } from './require-unshelvable.ts';

interface DiskWork {
  readonly plan: UnshelvePlan;
  readonly placed: Placed<ShelvedDisk>;
  readonly disk: ImageDisk;
  readonly source: string;
  readonly mayLink: boolean;
  readonly onProgress: (fraction: number) => void;
  readonly turns: CopyTurns;
}

/** Every disk where it shall lie: moved out of the image where it can be, else fetched from elsewhere, or copied and compared. */
export async function bringDisks(
  context: OperationContext,
  { plan, coming }: { readonly plan: UnshelvePlan; readonly coming: Return },
  signal: AbortSignal,
): Promise<void> {
  const { image, placement, record } = coming;
  const mayLink = await reserveImage(context, plan, coming);
  const done = placement.disks.map(() => 0);
  const turns = createCopyTurns(context, { step: 'bring', signal });
  const fetch = new TransferProgress(context, 'fetch');
  await mapConcurrently(placement.disks, context.settings.maxConcurrentCopies, async (placed, index) => {
    const disk = image.disks.find(({ target }) => target === placed.what.target);
    if (disk === undefined) throw missingDisk(image, placed.what.target);
    if (comesStraight(context, record, disk))
      return await bringStraight(context, { plan, placed, image, disk, fetch, turns }, signal);
    const source = await context.store.resolveFile(image.id, disk.file, { signal });
    const onProgress = (fraction: number): void => {
      done[index] = Math.round(fraction * disk.sizeBytes);
      const sum = done.reduce((total, bytes) => total + bytes, 0);
      context.operation.report({ done: sum, total: image.sizeBytes, unit: 'bytes' }).catch(() => undefined);
    };
    await bringDisk(context, { plan, placed, disk, source, mayLink, onProgress, turns }, signal);
  });
  await fetch.backTo('bring');
}

/**
 * Marked as going first and then looked at for users, as a delete does: a launch on another host records itself first and then
 * looks at the status. False where somebody depends on the image, or wants it kept: then it stays, and is copied.
 */
async function reserveImage(context: OperationContext, plan: UnshelvePlan, { image }: Return): Promise<boolean> {
  if (!context.store.keepsFilesHere || image.protected) return false;
  plan.isImageReserved = true;
  await context.operation.enter('reserve image', plan);
  await context.store.updateImage({ ...image, status: 'deleting' });
  if ((await context.store.listUsers(image.id)).length === 0) return true;
  await context.store.updateImage({ ...image, status: 'active' });
  plan.isImageReserved = false;
  return false;
}

async function bringDisk(context: OperationContext, work: DiskWork, signal: AbortSignal): Promise<void> {
  const { disk, placed, onProgress } = work;
  const isSameFormat = disk.format === placed.what.format;
  if (isSameFormat && work.mayLink && (await moveOut(context, work))) return onProgress(1);
  await makeOwn(context, work.plan, placed.path, async (partial) => {
    const isCloned = isSameFormat && (await context.files.tryClone(work.source, partial));
    if (!isCloned) await work.turns.take(() => copyOut(context, { ...work, partial }, signal));
    await context.files.setOwnership(partial, plainOwnership(placed.what.ownership));
  });
  onProgress(1);
}

/** The same inode: what is written to it from now on is written to the image, which therefore goes before the guest goes on. */
async function moveOut(context: OperationContext, { plan, placed, source }: DiskWork): Promise<boolean> {
  const link = { path: placed.path, source, ownership: await ownershipOf(context, source) };
  plan.links.push(link);
  await context.operation.enter('bring disks', plan);
  const isLinked = await context.files.tryLink(source, placed.path).catch((error: unknown) => {
    // what was there already is somebody else's
    plan.links.splice(plan.links.indexOf(link), 1);
    throw error;
  });
  if (isLinked) {
    await context.files.setOwnership(placed.path, plainOwnership(placed.what.ownership));
    return true;
  }
  plan.links.splice(plan.links.indexOf(link), 1);
  return false;
}

async function copyOut(
  context: OperationContext,
  work: DiskWork & { readonly partial: string },
  signal: AbortSignal,
): Promise<void> {
  const { disk, placed, source, partial } = work;
  const from = { path: source, format: disk.format };
  const target = { path: partial, format: placed.what.format };
  const { bitmaps } = await context.diskTool.info(from, signal);
  await context.diskTool.convert(
    {
      source: from,
      target,
      bandwidthBytesPerSecond: context.settings.copyBandwidthBytesPerSecond,
      hasBitmaps: bitmaps.length > 0 && target.format === 'qcow2',
      onProgress: work.onProgress,
    },
    signal,
  );
  // the image goes when all is done: its copy is read again first
  if (await context.diskTool.compare(from, target, signal)) return;
  throw notTheSame(placed);
}
