import type { ImageDisk } from '../../../model/image.ts';
import type { ImageDraft } from '../../../model/ports/image-store.ts';
import type { ShelvePlan } from '../../shelve-plan.ts';
import type { OperationContext } from '../../support/context.ts';
import { takeSlot } from '../../support/slots.ts';
import { copyDisks, countCopied } from '../capture/copy-disks.ts';
import type { Inspection } from '../capture/inspect-instance.ts';
import { finishDisk } from '../finish-disk.ts';
import { TransferProgress } from '../store/transfer-progress.ts';

interface CopyWork {
  readonly inspection: Inspection;
  readonly draft: ImageDraft;
  readonly plan: ShelvePlan;
  readonly measuredBytes: number;
}

/** The disks of a machine that is off as flat qcow2 in the draft, with their bitmaps, checked and hashed. */
export async function copyMachineDisks(
  context: OperationContext,
  work: CopyWork,
  signal: AbortSignal,
): Promise<ImageDisk[]> {
  const { draft } = work;
  const copies = await copyAll(context, work, signal);
  await context.operation.announce('verify');
  const upload = new TransferProgress(context, 'upload');
  return await Promise.all(copies.map((copy) => finishDisk(context, draft, { ...copy, upload }, signal)));
}

async function copyAll(
  context: OperationContext,
  { inspection, draft, plan, measuredBytes }: CopyWork,
  signal: AbortSignal,
) {
  const { selection, chains } = inspection;
  const sources = selection.captured.map((disk) => ({ ...disk, chain: chains.get(disk.target) ?? [] }));
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
