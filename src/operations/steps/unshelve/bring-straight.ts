import type { Image, ImageDisk } from '../../../model/image.ts';
import type { ShelvedDisk } from '../../../model/shelved-instance.ts';
import type { OperationContext } from '../../support/context.ts';
import type { CopyTurns } from '../../support/copy-turns.ts';
import type { UnshelvePlan } from '../../unshelve-plan.ts';
import { requireStandalone } from '../require-standalone.ts';
import { fetchStraight } from '../store/fetch-straight.ts';
import type { TransferProgress } from '../store/transfer-progress.ts';
import { plainOwnership } from './bring-files.ts';
import { makeOwn } from './make-own.ts';
import { notTheSame } from './not-the-same.ts';
import type { Placed } from './place-machine.ts';

export interface StraightWork {
  readonly plan: UnshelvePlan;
  readonly placed: Placed<ShelvedDisk>;
  readonly image: Image;
  readonly disk: ImageDisk;
  readonly fetch: TransferProgress;
  readonly turns: CopyTurns;
}

/** Compared with the sums of the store and of the manifest. What this host has a copy of already is taken from there. */
export async function bringStraight(context: OperationContext, work: StraightWork, signal: AbortSignal): Promise<void> {
  const { plan, placed, disk } = work;
  await makeOwn(context, plan, placed.path, async (partial) => {
    await bring(context, { ...work, partial }, signal);
    const info = await context.diskTool.info({ path: partial, format: disk.format }, signal);
    requireStandalone(info, { path: disk.file, code: 'IMAGE_DAMAGED' });
    await context.files.setOwnership(partial, plainOwnership(placed.what.ownership));
  });
}

type PartialWork = StraightWork & { readonly partial: string };

async function bring(context: OperationContext, work: PartialWork, signal: AbortSignal): Promise<void> {
  const { image, disk, partial: target, fetch } = work;
  const onBytes = fetch.addFile(disk.sizeBytes);
  const fetched = await fetchStraight(context, { source: context.store, image, file: disk, target, onBytes }, signal);
  if (fetched === null) await copyHere(context, work, signal);
}

/** The image goes when all is done: what was copied is read again first. */
async function copyHere(context: OperationContext, work: PartialWork, signal: AbortSignal): Promise<void> {
  const { image, disk, partial, placed, turns } = work;
  const { files, settings } = context;
  const source = await context.store.resolveFile(image.id, disk.file, { signal });
  if (await files.tryClone(source, partial)) return;
  const bandwidthBytesPerSecond = settings.copyBandwidthBytesPerSecond;
  await turns.take(() => files.copy(source, partial, { signal, bandwidthBytesPerSecond }));
  const seen = await files.hash(partial, { signal });
  if (seen === (await files.hash(source, { signal }))) return;
  throw notTheSame(placed);
}
