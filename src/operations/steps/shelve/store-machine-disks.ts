import type { ImageDisk } from '../../../model/image.ts';
import type { ImageDraft } from '../../../model/ports/image-store.ts';
import type { ShelvedInstance } from '../../../model/shelved-instance.ts';
import type { ShelvePlan } from '../../shelve-plan.ts';
import type { OperationContext } from '../../support/context.ts';
import { takeSlot } from '../../support/slots.ts';
import { together } from '../../support/together.ts';
import { copyDisks, countCopied, type DiskCopy } from '../capture/copy-disks.ts';
import type { Inspection } from '../capture/inspect-instance.ts';
import { checkSpace } from '../check-space.ts';
import { finishDisk } from '../finish-disk.ts';
import { TransferProgress } from '../store/transfer-progress.ts';
import { type DiskPlan, type DiskPlans, planDisks } from './plan-disks.ts';
import { isSoundAsItIs, sendDisk } from './send-disk.ts';

interface StoreWork {
  readonly inspection: Inspection;
  /** Drawn up since the disks are held. */
  readonly record: Pick<ShelvedInstance, 'disks'>;
  readonly draft: ImageDraft;
  readonly plan: ShelvePlan;
}

/**
 * The disks of a machine that is off and held, in the draft, with their bitmaps, checked and hashed: those that need no copy as they
 * are, the others flat.
 */
export async function storeMachineDisks(
  context: OperationContext,
  work: StoreWork,
  signal: AbortSignal,
): Promise<ImageDisk[]> {
  const { draft, inspection, record } = work;
  const { straight, copied } = await planSound(context, inspection, signal);
  const copies = copied.length === 0 ? [] : await copyAll(context, { ...work, copied }, signal);
  const sent = record.disks.filter(({ target }) => straight.some(({ disk }) => disk.target === target));
  await context.operation.announce('verify');
  const upload = new TransferProgress(context, 'upload');
  const stored = await together(signal, (hurry) => [
    ...copies.map((copy) => finishDisk(context, draft, { ...copy, upload }, hurry)),
    ...sent.map((disk) => sendDisk(context, draft, { disk, upload }, hurry)),
  ]);
  return record.disks.flatMap(({ target }) => stored.find((disk) => disk.target === target) ?? []);
}

/** What is not sound is copied after all; there must be room for that. */
async function planSound(context: OperationContext, inspection: Inspection, signal: AbortSignal): Promise<DiskPlans> {
  const plans = await planDisks(context, inspection, signal);
  const [straight, copied]: [DiskPlan[], DiskPlan[]] = [[], [...plans.copied]];
  for (const plan of plans.straight) ((await isSoundAsItIs(context, plan.disk, signal)) ? straight : copied).push(plan);
  if (copied.length > plans.copied.length) {
    const bytes = sumOf(copied);
    await checkSpace(context, [{ path: context.store.rootPath, bytes, what: 'the shelved instance' }]);
  }
  return { straight, copied };
}

async function copyAll(
  context: OperationContext,
  { inspection, draft, plan, copied }: StoreWork & { readonly copied: readonly DiskPlan[] },
  signal: AbortSignal,
): Promise<DiskCopy[]> {
  const sources = copied.map(({ disk }) => ({ ...disk, chain: inspection.chains.get(disk.target) ?? [] }));
  const measuredBytes = sumOf(copied);
  await using _slot = await takeSlot(context, 'copy', signal);
  await context.operation.enter('copy', plan);
  const started = context.clock.monotonicMs();
  const copies = await copyDisks(context, draft, sources, {
    signal,
    hasBitmaps: true,
    bandwidthBytesPerSecond: context.settings.copyBandwidthBytesPerSecond,
    onProgress: (fraction) => report(context, fraction, measuredBytes),
    onHelper: (pid) => noteHelper(context, plan, pid),
  });
  context.operation.addTiming('copyMs', context.clock.monotonicMs() - started);
  context.operation.addTimings({ copiedBytes: await countCopied(context, draft, copies) });
  return copies;
}

function sumOf(plans: readonly DiskPlan[]): number {
  return plans.reduce((sum, { measuredBytes }) => sum + measuredBytes, 0);
}

function report(context: OperationContext, fraction: number, total: number): void {
  context.operation.report({ done: Math.round(fraction * total), total, unit: 'bytes' }).catch(() => undefined);
}

function noteHelper(context: OperationContext, plan: ShelvePlan, pid: number): void {
  const identity = context.processes.identify(pid);
  if (identity === null) return;
  plan.helpers.push(identity);
  context.operation.enter('copy', plan).catch((error: unknown) => {
    context.log.warn({ pid, error: String(error) }, 'a helper process could not be journalled');
  });
}
