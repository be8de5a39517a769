import type { Consistency } from '../../../model/consistency.ts';
import type { ImageDisk } from '../../../model/image.ts';
import type { AgentState } from '../../../model/ports/hypervisor.ts';
import type { ImageDraft } from '../../../model/ports/image-store.ts';
import type { DiskKey } from '../../../model/ports/key-source.ts';
import type { CaptureRequest } from '../../../model/requests.ts';
import type { TimingName } from '../../../model/timings.ts';
import type { CapturePlan } from '../../capture-plan.ts';
import type { OperationContext } from '../../support/context.ts';
import { throwIfCancelled } from '../../support/patience.ts';
import { announceWait, type Slot } from '../../support/slots.ts';
import { finishDisk } from '../finish-disk.ts';
import { TransferProgress } from '../store/transfer-progress.ts';
import type { CaptureWork, PointInTime } from './capture-work.ts';
import { copyDisks, countCopied, type DiskCopy, type DiskSource } from './copy-disks.ts';
import { createOverlays } from './create-overlays.ts';
import { holdDisks } from './hold-disks.ts';
import type { Inspection } from './inspect-instance.ts';
import { type FirmwareState, readFirmware } from './read-firmware.ts';
import { settleGuest } from './settle-guest.ts';
import { takePointInTime } from './take-point-in-time.ts';
import { takeSnapshot } from './take-snapshot.ts';
import { type OverlayWatch, watchOverlays } from './watch-overlays.ts';

export interface CaptureJob {
  readonly request: CaptureRequest;
  readonly inspection: Inspection;
  readonly agent: AgentState;
  readonly plan: CapturePlan;
  readonly measuredBytes: number;
  readonly draft: ImageDraft;
  /** Of copies; in hand since before the guest was touched. */
  readonly copySlot: Slot;
  /** Of an encrypted image; asked for before the guest was touched. */
  readonly key: DiskKey | null;
}

export interface CapturedDisks {
  readonly disks: readonly ImageDisk[];
  readonly consistency: Consistency;
  readonly firmware: FirmwareState;
}

/** The disks of one instant, in the draft, checked and hashed; the guest is back on its chain before they are. */
export async function captureDisks(
  context: OperationContext,
  job: CaptureJob,
  signal: AbortSignal,
): Promise<CapturedDisks> {
  const isLive = job.inspection.powerState === 'running' || job.inspection.powerState === 'paused';
  const { point, copies } = isLive ? await copyLive(context, job, signal) : await copyOffline(context, job, signal);
  if (!job.request.isGeneralized) return { ...point, disks: await finishDisks(context, job, copies, signal) };
  await generalize(context, job, copies, signal);
  // what was changed shares its blocks no longer, and is hashed like any copy
  const changed = copies.map((copy) => ({ ...copy, isCopied: true }));
  return { ...point, disks: await finishDisks(context, job, changed, signal) };
}

interface CapturedInstant extends PointInTime {
  readonly firmware: FirmwareState;
}

interface Copied {
  readonly point: CapturedInstant;
  readonly copies: readonly DiskCopy[];
}

async function copyLive(context: OperationContext, job: CaptureJob, signal: AbortSignal): Promise<Copied> {
  const { plan } = job;
  await context.operation.enter('create overlays', plan);
  await createOverlays(context, plan, signal);
  throwIfCancelled(signal);
  const point = await takeInstant(context, job);
  const { freezeMs, pauseMs } = point.consistency;
  context.operation.addTimings({ freezeMs, pauseMs });
  await using watch = watchOverlays(context, plan);
  await context.operation.enter('copy', plan);
  const copies = await copyWatched(context, job, { signal, watch });
  await context.operation.enter('commit', plan);
  await timed(context, 'commitMs', () => commitInTurn(context, plan, [signal, watch.signal]));
  return { point, copies };
}

/** One instant for all disks and the firmware. */
async function takeInstant(context: OperationContext, job: CaptureJob): Promise<CapturedInstant> {
  const { plan, inspection, request, agent } = job;
  let firmware: FirmwareState | null = null;
  const work: CaptureWork = {
    ...{ context, plan, inspection, requested: request.consistency },
    takeInstant: async () => {
      await timed(context, 'snapshotCallMs', () => takeSnapshot(context, plan, inspection));
      firmware = await readFirmware(context, inspection.description);
    },
  };
  const { consistency } = await takePointInTime(work, agent);
  return { consistency, firmware: firmware ?? { nvram: null, tpm: new Map() } };
}

async function copyWatched(
  context: OperationContext,
  job: CaptureJob,
  { signal, watch }: { readonly signal: AbortSignal; readonly watch: OverlayWatch },
): Promise<DiskCopy[]> {
  try {
    return await copyAll(context, job, AbortSignal.any([signal, watch.signal]));
  } catch (error) {
    throw watch.failure ?? error;
  }
}

/** Ten minutes for those before; who is cancelled, or runs out of space, waits no longer. */
const COMMIT_PATIENCE_MS = 600_000;

async function commitInTurn(
  context: OperationContext,
  plan: CapturePlan,
  hurry: readonly AbortSignal[],
): Promise<void> {
  const { sayWaiting, sayWorking } = announceWait(context, 'commit');
  const notes = await settleGuest(context, plan, {
    save: () => context.operation.enter('commit', plan),
    turn: { patienceMs: COMMIT_PATIENCE_MS, hurry, onWait: sayWaiting, onTurn: () => sayWorking('commit') },
  });
  for (const note of notes) context.operation.warn(note);
}

/** Nobody can start the guest while its disks are read: QEMU's own lock stands against it. */
async function copyOffline(context: OperationContext, job: CaptureJob, signal: AbortSignal): Promise<Copied> {
  const { plan, inspection, request } = job;
  await using _held = await holdDisks(context, inspection.selection.captured);
  const firmware = await readFirmware(context, inspection.description);
  const achieved = inspection.powerState === 'suspended' ? 'crash' : 'offline';
  const reason = achieved === 'crash' ? { reason: 'the guest is suspended, and its memory is not in the image' } : {};
  await context.operation.enter('copy', plan);
  const copies = await copyAll(context, job, signal);
  return {
    point: { consistency: { requested: request.consistency, achieved, freezeMs: 0, pauseMs: 0, ...reason }, firmware },
    copies,
  };
}

/** Gives the slot for copies back when the last one has ended. */
async function copyAll(context: OperationContext, job: CaptureJob, signal: AbortSignal): Promise<DiskCopy[]> {
  const { plan, measuredBytes, inspection, draft, key } = job;
  await using _slot = job.copySlot;
  return await timed(context, 'copyMs', async () => {
    const copies = await copyDisks(context, draft, sourcesOf(inspection), {
      signal,
      bandwidthBytesPerSecond: context.settings.copyBandwidthBytesPerSecond,
      ...(key && { key }),
      onProgress: (fraction) => reportBytes(context, fraction, measuredBytes),
      onHelper: (pid) => journalHelper(context, plan, pid),
    });
    context.operation.addTimings({ copiedBytes: await countCopied(context, draft, copies) });
    return copies;
  });
}

function sourcesOf({ selection, chains }: Inspection): DiskSource[] {
  return selection.captured.map((disk) => ({ ...disk, chain: chains.get(disk.target) ?? [] }));
}

function reportBytes(context: OperationContext, fraction: number, totalBytes: number): void {
  const done = Math.round(fraction * totalBytes);
  context.operation.report({ done, total: totalBytes, unit: 'bytes' }).catch(() => undefined);
}

function journalHelper(context: OperationContext, plan: CapturePlan, pid: number): void {
  const identity = context.processes.identify(pid);
  if (identity === null) return;
  plan.helpers.push(identity);
  context.operation.enter('copy', plan).catch((error: unknown) => {
    context.log.warn({ pid, error: String(error) }, 'a helper process could not be journalled');
  });
}

async function generalize(
  context: OperationContext,
  { draft }: CaptureJob,
  copies: readonly DiskCopy[],
  signal: AbortSignal,
): Promise<void> {
  await context.operation.announce('generalize');
  const disks = copies.map(({ file, format }) => ({ path: draft.path(file), format }));
  await timed(context, 'generalizeMs', () => context.generalizer.generalize(disks, signal));
}

async function finishDisks(
  context: OperationContext,
  { draft }: CaptureJob,
  copies: readonly DiskCopy[],
  signal: AbortSignal,
): Promise<ImageDisk[]> {
  await context.operation.announce('verify');
  // the guest is on its chain again: a store that is slow or away keeps nobody
  const upload = new TransferProgress(context, 'upload');
  return timed(context, 'verifyMs', () =>
    Promise.all(copies.map((copy) => finishDisk(context, draft, { ...copy, upload }, signal))),
  );
}

async function timed<T>(context: OperationContext, name: TimingName, work: () => Promise<T>): Promise<T> {
  const started = context.clock.monotonicMs();
  try {
    return await work();
  } finally {
    context.operation.addTiming(name, context.clock.monotonicMs() - started);
  }
}
