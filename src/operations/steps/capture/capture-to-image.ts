import { newUuid } from '../../../lib/uuid.ts';
import { type CapturedImageType, captureProperties } from '../../../model/capture-properties.ts';
import { DarkroomError, hasCode } from '../../../model/errors.ts';
import type { Image } from '../../../model/image.ts';
import { minDiskGiB } from '../../../model/image-rules.ts';
import { overlayPath } from '../../../model/overlay-name.ts';
import type { CaptureRequest } from '../../../model/requests.ts';
import { NO_CAPTURE_TIMINGS } from '../../../model/timings.ts';
import { type CapturePlan, capturePlanSchema } from '../../capture-plan.ts';
import type { Core, OperationContext } from '../../support/context.ts';
import { acquireLocks } from '../../support/operation-locks.ts';
import { throwIfCancelled } from '../../support/patience.ts';
import { takeSlot } from '../../support/slots.ts';
import type { LockRequest, Recover } from '../../support/use-case.ts';
import { checkQuota } from '../check-quota.ts';
import { checkSpace } from '../check-space.ts';
import { publishImage } from '../publish-image.ts';
import { removeUnpublished } from '../remove-unpublished.ts';
import { undoAndSettle } from '../undo-and-settle.ts';
import { type CaptureJob, captureDisks } from './capture-disks.ts';
import { measureDisks } from './copy-disks.ts';
import { type Inspection, inspectInstance } from './inspect-instance.ts';
import { overlayFolder, planBesideDisk } from './overlay-place.ts';
import { settleGuest } from './settle-guest.ts';
import { probeConsistency } from './take-point-in-time.ts';
import { writeFirmware } from './write-firmware.ts';

/** What an overlay may grow to before anybody looks again. */
const OVERLAY_ALLOWANCE_BYTES = 64 * 1024 ** 2;

export interface CaptureInput {
  readonly instanceId: string;
  readonly request: CaptureRequest;
  readonly type: CapturedImageType;
}

/**
 * A guest, running or not, becomes a bootable image that stands alone; the guest stays as it was. Locks: `captureLocks`. The
 * operation is settled when it returns, unless a thaw was never confirmed: recovery asks that guest again.
 */
export async function captureToImage(
  context: OperationContext,
  { instanceId, request, type }: CaptureInput,
  signal: AbortSignal,
): Promise<Image> {
  if (request.isGeneralized) await context.generalizer.assertAvailable();
  const key = request.isEncrypted ? await context.keys.read() : null;
  let seen = await lookAt(context, { instanceId, request }, signal);
  await using captureSlot = await takeSlot(context, 'capture', signal);
  // in hand before the guest is touched: no guest stands on overlays only to wait for a place to copy them to
  await using copySlot = await takeSlot(context, 'copy', signal);
  if (captureSlot.hasWaited || copySlot.hasWaited) seen = await lookAt(context, { instanceId, request }, signal);
  const { inspection, agent } = seen;
  const measuredBytes = await refuseWithoutRoom(context, inspection, signal);
  const plan = planCapture(context, inspection);
  context.operation.addTimings(NO_CAPTURE_TIMINGS);
  await context.operation.enter('prepare', plan);
  try {
    const job = { request, inspection, agent, plan, measuredBytes, copySlot, key, type };
    const image = await capture(context, job, signal);
    // a thaw that nobody confirmed is all that can be left here
    await (plan.mayBeFrozen ? context.operation.enter('published', plan) : context.operation.settle('published'));
    return image;
  } catch (error) {
    await undoAndSettle(context, () => undoNow(context, plan));
    throw error;
  }
}

/** Refuses what can be refused now; looked at again after a wait, since a guest may have been stopped meanwhile. */
async function lookAt(
  context: OperationContext,
  { instanceId, request }: Omit<CaptureInput, 'type'>,
  signal: AbortSignal,
) {
  const inspection = await inspectInstance(context, instanceId, { signal });
  return { inspection, agent: await probeConsistency(context, inspection, request.consistency) };
}

export function captureLocks(instanceId: string): LockRequest {
  return { exclusive: [`instance:${instanceId}`], shared: [] };
}

/** For a capture whose process died, at whatever step. */
export const recoverCapture: Recover = async (core, unfinished) => {
  const plan = capturePlanSchema.parse(unfinished.plan);
  const { id, kind } = unfinished.operation;
  // the lock of the dead is free: nobody may begin anything while the guest is put right
  await acquireLocks(core, captureLocks(plan.instanceId), { operationId: id, kind });
  return await undoCapture(core, plan, () => core.journal.enterStep(id, 'recovering', plan));
};

/** A guest that never said that it is thawed is not settled: it is asked again at the next start. */
async function undoNow(context: OperationContext, plan: CapturePlan): Promise<void> {
  for (const note of await undoCapture(context, plan, () => context.operation.enter('undo', plan)))
    context.operation.warn(note);
  if (!plan.mayBeFrozen) return;
  throw new DarkroomError('AGENT_UNRESPONSIVE', `The thaw of ${plan.instanceName} is not confirmed.`);
}

/** The guest first, whatever becomes of the draft. */
async function undoCapture(core: Core, plan: CapturePlan, save: () => Promise<void>): Promise<readonly string[]> {
  try {
    return await settleGuest(core, plan, { save });
  } finally {
    await removeUnpublished(core, plan.imageId);
  }
}

async function capture(
  context: OperationContext,
  job: Omit<CaptureJob, 'draft'> & Pick<CaptureInput, 'type'>,
  signal: AbortSignal,
): Promise<Image> {
  const { request, inspection, plan, type } = job;
  const { description, savedXml, selection } = inspection;
  const draft = await context.store.createDraft(plan.imageId);
  const { disks, consistency, firmware } = await captureDisks(context, { ...job, draft }, signal);
  const files = await writeFirmware(context, draft, { firmware, domainXml: savedXml }, signal);
  const base = await findBase(context, description.imageId);
  throwIfCancelled(signal);
  await context.operation.enter('publish', plan);
  const image = await publishImage(context, draft, {
    name: request.name,
    instanceOwner: description.owner,
    description: request.description,
    minDiskGiB: minDiskGiB(disks, base),
    minMemoryMiB: base?.minMemoryMiB ?? 0,
    consistency,
    isEncrypted: request.isEncrypted,
    disks,
    skippedDisks: selection.skipped,
    ...files,
    properties: captureProperties({
      ...{ description, base, type, userId: context.caller.name },
      stated: request.properties,
    }),
  });
  await context.operation.saveResult({ imageId: image.id });
  return image;
}

/** The image that the instance was launched from, where it still can be read. */
export async function findBase(core: Core, imageId: string | null): Promise<Image | null> {
  if (imageId === null) return null;
  try {
    return await core.store.readImage(imageId);
  } catch (error) {
    if (hasCode(error, 'IMAGE_NOT_FOUND', 'IMAGE_DAMAGED')) return null;
    throw error;
  }
}

async function refuseWithoutRoom(core: Core, inspection: Inspection, signal: AbortSignal): Promise<number> {
  const { captured } = inspection.selection;
  await core.store.assertWritable();
  const measuredBytes = await measureDisks(core, captured, signal);
  await checkQuota(core, measuredBytes);
  const isLive = inspection.powerState === 'running' || inspection.powerState === 'paused';
  await checkSpace(core, [
    { path: core.store.rootPath, bytes: measuredBytes, what: 'the image' },
    ...(isLive
      ? captured.map((disk) => ({
          path: overlayFolder(core, disk),
          bytes: OVERLAY_ALLOWANCE_BYTES,
          what: 'what the guest writes meanwhile',
          // below that it would be given up at once
          leftBytes: core.settings.overlayLowSpaceBytes,
        }))
      : []),
  ]);
  return measuredBytes;
}

function planCapture(context: OperationContext, inspection: Inspection): CapturePlan {
  const { domain, powerState, savedXml, selection } = inspection;
  const isLive = powerState === 'running' || powerState === 'paused';
  return {
    version: 1,
    instanceId: domain.uuid,
    instanceName: domain.name,
    imageId: newUuid(),
    powerState,
    isPersistent: domain.isPersistent,
    isAutostart: domain.isAutostart,
    savedXml,
    disks: selection.captured.map((disk) => ({
      ...disk,
      overlayPath: isLive ? planBesideDisk(context, disk, overlayPath) : null,
    })),
    mayBeFrozen: false,
    mayBePaused: false,
    helpers: [],
    isChainRestored: !isLive,
  };
}
