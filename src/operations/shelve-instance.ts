import { newUuid } from '../lib/uuid.ts';
import { DarkroomError } from '../model/errors.ts';
import type { OperationResult } from '../model/operation.ts';
import type { ImageDraft } from '../model/ports/image-store.ts';
import type { ShelveInstanceRequest } from '../model/requests.ts';
import type { ShelvedInstance } from '../model/shelved-instance.ts';
import { NO_CAPTURE_TIMINGS } from '../model/timings.ts';
import { type ShelvePlan, shelvePlanSchema } from './shelve-plan.ts';
import { holdDisks } from './steps/capture/hold-disks.ts';
import { checkQuota } from './steps/check-quota.ts';
import { checkSpace } from './steps/check-space.ts';
import { findInstance } from './steps/find-instance.ts';
import { collectMachine } from './steps/shelve/collect-machine.ts';
import { drawUpRecord, withCollected } from './steps/shelve/draw-up-record.ts';
import { inspectShelvable, type Shelvable } from './steps/shelve/inspect-shelvable.ts';
import { type DiskPlans, planDisks } from './steps/shelve/plan-disks.ts';
import { publishShelved } from './steps/shelve/publish-shelved.ts';
import { putRight } from './steps/shelve/put-back.ts';
import { requireAsCaptured } from './steps/shelve/require-as-captured.ts';
import { requireSound } from './steps/shelve/require-sound.ts';
import { requireMemoryFile, stopGuest } from './steps/shelve/stop-guest.ts';
import { storeMachineDisks } from './steps/shelve/store-machine-disks.ts';
import { undefineShelved } from './steps/shelve/undefine-shelved.ts';
import type { Core, OperationContext } from './support/context.ts';
import { acquireLocks } from './support/operation-locks.ts';
import { throwIfCancelled } from './support/patience.ts';
import { takeSlot } from './support/slots.ts';
import type { LockRequest, Recover, UseCase } from './support/use-case.ts';

interface ShelveInput {
  readonly instanceId: string;
  readonly imageId: string;
  readonly request: ShelveInstanceRequest;
}

/** A machine gives its host's CPU, RAM and disk back and can return later as the same machine, on any host of the store. */
export const shelveInstance: UseCase<ShelveInstanceRequest, ShelveInput> = {
  prepare: async (core, request) => {
    const { uuid, name } = await findInstance(core, request.instance);
    const imageId = newUuid();
    return { target: name, locks: shelveLocks(uuid, imageId), input: { instanceId: uuid, imageId, request } };
  },
  run: async (context, { instanceId, imageId, request }, signal) => {
    await context.store.assertWritable();
    await context.shelf.assertWritable();
    let found = await lookAt(context, instanceId, signal);
    await using slot = await takeSlot(context, 'capture', signal);
    if (slot.hasWaited) found = await lookAt(context, instanceId, signal);
    const keepsMemory = request.keepsMemory || found.inspection.powerState === 'suspended';
    if (keepsMemory && found.inspection.powerState !== 'shutdown')
      await requireMemoryFile(context, found.inspection.domain);
    await refuseWithoutRoom(context, found, { keepsMemory, signal });
    const plan = planShelve(found, imageId);
    context.operation.addTimings(NO_CAPTURE_TIMINGS);
    plan.isShutdownAsked = plan.powerState === 'running' && !request.keepsMemory;
    plan.isSaveAsked = plan.powerState !== 'shutdown' && request.keepsMemory;
    await context.operation.enter('stop', plan);
    return await reachEnd(context, plan, async () => {
      const asked = context.clock.monotonicMs();
      await stopGuest(context, found.inspection.domain, {
        timeoutMs: request.shutdownTimeoutMs,
        keepsMemory: request.keepsMemory,
        signal,
      });
      context.operation.addTiming('stopMs', context.clock.monotonicMs() - asked);
      plan.isShutdownAsked = false;
      plan.isSaveAsked = false;
      throwIfCancelled(signal);
      await shelve(context, { plan, isOffloaded: request.isOffloaded ?? isOffloadedAtOnce(context) }, signal);
    });
  },
};

/** Refuses what can be refused now; looked at again after a wait. */
async function lookAt(context: OperationContext, instanceId: string, signal: AbortSignal): Promise<Shelvable> {
  const found = await inspectShelvable(context, instanceId, signal);
  await requireUnshelved(context, found);
  return found;
}

export function shelveLocks(instanceId: string, imageId: string): LockRequest {
  return { exclusive: [`instance:${instanceId}`, `image:${imageId}`], shared: [] };
}

/** For a shelve or an offload whose process died. */
export const recoverShelve: Recover = async (core, unfinished) => {
  const plan = shelvePlanSchema.parse(unfinished.plan);
  const { id, kind } = unfinished.operation;
  await acquireLocks(core, shelveLocks(plan.instanceId, plan.imageId), { operationId: id, kind });
  return [(await putRight(core, plan)).note];
};

/** Success, or all as it was; what could not be undone any more is finished and is a success, too. */
export async function reachEnd(
  context: OperationContext,
  plan: ShelvePlan,
  work: () => Promise<void>,
): Promise<OperationResult> {
  const result = { instanceId: plan.instanceId, imageId: plan.imageId };
  try {
    await work();
    await context.operation.settle('shelved');
    return result;
  } catch (error) {
    const outcome = await tryPutRight(context, plan);
    if (outcome?.isOffloaded !== true) throw error;
    context.operation.warn(outcome.note);
    return result;
  }
}

async function tryPutRight(context: OperationContext, plan: ShelvePlan) {
  try {
    const outcome = await putRight(context, plan);
    await context.operation.settle('undone');
    return outcome;
  } catch (error) {
    context.log.error({ error: String(error) }, 'an undo failed and is left to recovery');
    return null;
  }
}

interface ShelveWork {
  readonly plan: ShelvePlan;
  readonly isOffloaded: boolean;
}

/** The guest is off. Its disks are held, so that nobody starts it before it is undefined. */
async function shelve(
  context: OperationContext,
  { plan, isOffloaded }: ShelveWork,
  signal: AbortSignal,
): Promise<void> {
  const shelvable = await inspectShelvable(context, plan.instanceId, signal);
  requireOff(shelvable);
  await using held = await holdDisks(context, shelvable.inspection.selection.captured);
  const record = await drawUpRecord(context, plan, shelvable);
  if (!isOffloaded && record.isAutostart) await context.hypervisor.setAutostart(plan.instanceId, { isEnabled: false });
  if (shelvable.isMovable && !isOffloaded) {
    await context.shelf.write(record);
    return;
  }
  const complete = shelvable.isMovable
    ? await prepareMove(context, { plan, shelvable, record }, signal)
    : await capture(context, { plan, shelvable, record }, signal);
  throwIfCancelled(signal);
  if (!isOffloaded) return;
  if (!complete.isImageDeferred) await requireAsCaptured(context, complete);
  await undefineShelved(context, { plan, record: complete, held });
}

interface CaptureWork {
  readonly plan: ShelvePlan;
  readonly shelvable: Shelvable;
  readonly record: ShelvedInstance;
}

/** All but the disks, which are sound and move when the domain is undefined. */
export async function prepareMove(
  context: OperationContext,
  work: CaptureWork,
  signal: AbortSignal,
): Promise<ShelvedInstance> {
  const { plan, shelvable, record } = work;
  await context.operation.enter('collect', plan);
  const draft = await context.store.createDraft(plan.imageId);
  const collected = await collectMachine(context, draft, shelvable, signal);
  await requireSound(context, shelvable.inspection, signal);
  return withCollected(record, collected);
}

async function capture(context: OperationContext, work: CaptureWork, signal: AbortSignal): Promise<ShelvedInstance> {
  const { plan, shelvable, record } = work;
  await context.operation.enter('collect', plan);
  const draft: ImageDraft = await context.store.createDraft(plan.imageId);
  const collected = await collectMachine(context, draft, shelvable, signal);
  const disks = await storeMachineDisks(context, { inspection: shelvable.inspection, record, draft, plan }, signal);
  throwIfCancelled(signal);
  const complete = { ...withCollected(record, collected), isImageDeferred: false };
  await context.operation.enter('publish', plan);
  // an image that no record names could be deleted by anybody
  await context.shelf.write(complete);
  await publishShelved(context, draft, { record: complete, disks });
  return complete;
}

function planShelve({ inspection }: Shelvable, imageId: string): ShelvePlan {
  const { domain, powerState } = inspection;
  return {
    version: 1,
    instanceId: domain.uuid,
    instanceName: domain.name,
    imageId,
    savedXml: inspection.savedXml,
    powerState,
    isShelvedBefore: false,
    disks: inspection.selection.captured.map(({ target }) => ({ target })),
    isShutdownAsked: false,
    isSaveAsked: false,
    mayBeUndefined: false,
    isAutostart: domain.isAutostart,
    helpers: [],
  };
}

function isOffloadedAtOnce(core: Core): boolean {
  return core.settings.shelvedOffloadTimeMs === 0;
}

/** Another host may have shelved a machine of the same UUID. */
async function requireUnshelved(core: Core, { inspection: { domain } }: Shelvable): Promise<void> {
  const record = await core.shelf.read(domain.uuid);
  if (record === null) return;
  throw new DarkroomError(
    'INSTANCE_STATE',
    `The store holds a shelved instance ${record.name} with the same id (${record.id}) already, shelved by ${record.host}.`,
    { fields: { instanceId: record.id, host: record.host } },
  );
}

function requireOff({ inspection: { domain, powerState } }: Shelvable): void {
  if (powerState === 'shutdown' || powerState === 'suspended') return;
  throw new DarkroomError(
    'INSTANCE_BUSY',
    `The instance ${domain.name} was started again while it was being shelved.`,
    {
      fields: { instanceId: domain.uuid },
    },
  );
}

async function refuseWithoutRoom(
  core: Core,
  { inspection, isMovable }: Shelvable,
  { keepsMemory, signal }: { readonly keepsMemory: boolean; readonly signal: AbortSignal },
): Promise<void> {
  const { copied, straight } = isMovable ? NOTHING_TO_STORE : await planDisks(core, inspection, signal);
  const scratchBytes = sumOf(copied.map(({ measuredBytes }) => measuredBytes));
  await checkQuota(core, scratchBytes + sumOf(straight.map(({ sizeBytes }) => sizeBytes)));
  const memoryBytes = keepsMemory ? inspection.domain.memoryMiB * 1024 ** 2 : 0;
  const bytes = scratchBytes + memoryBytes;
  await checkSpace(core, [{ path: core.store.rootPath, bytes, what: 'the shelved instance' }]);
}

const NOTHING_TO_STORE: DiskPlans = { copied: [], straight: [] };

function sumOf(bytes: readonly number[]): number {
  return bytes.reduce((sum, each) => sum + each, 0);
}
