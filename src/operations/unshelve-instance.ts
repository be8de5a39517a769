import { DarkroomError } from '../model/errors.ts';
import type { UnshelveInstanceRequest } from '../model/requests.ts';
import type { ShelvedInstance } from '../model/shelved-instance.ts';
import { findDomainOf, notFound } from './steps/find-instance.ts';
import { restorePower } from './steps/power/restore-power.ts';
import { findShelved } from './steps/shelve/find-shelved.ts';
import { undoAndSettle } from './steps/undo-and-settle.ts';
import { bringDisks } from './steps/unshelve/bring-disks.ts';
import { bringFiles } from './steps/unshelve/bring-files.ts';
import { bringUp } from './steps/unshelve/bring-up.ts';
import { claimInstance } from './steps/unshelve/claim-instance.ts';
import { completeUnshelve, undoUnshelve } from './steps/unshelve/end-unshelve.ts';
import { fetchShelved } from './steps/unshelve/fetch-shelved.ts';
import { requireHostDisks } from './steps/unshelve/require-host-disks.ts';
import { type Return, requireUnshelvable } from './steps/unshelve/require-unshelvable.ts';
import { takeOverImage } from './steps/unshelve/revive-image.ts';
import type { Core, OperationContext } from './support/context.ts';
import { acquireLocks } from './support/operation-locks.ts';
import { outlastLibvirtRestart, throwIfCancelled } from './support/patience.ts';
import type { LockRequest, Recover, UseCase } from './support/use-case.ts';
import { type UnshelvePlan, unshelvePlanSchema } from './unshelve-plan.ts';

interface UnshelveInput {
  readonly instanceId: string;
  readonly request: UnshelveInstanceRequest;
}

/** The same machine comes back, here, whichever host shelved it. Whatever fails, it is still shelved, and a retry works. */
export const unshelveInstance: UseCase<UnshelveInstanceRequest, UnshelveInput> = {
  prepare: async (core, request) => {
    const record = await requireShelved(core, request.instance);
    return { target: record.name, locks: unshelveLocks(record), input: { instanceId: record.id, request } };
  },
  run: async (context, { instanceId, request }, signal) => {
    const plan = await planUnshelve(context, await requireShelved(context, instanceId), request);
    await context.operation.enter('claim', plan);
    try {
      await claimInstance(context, { instanceId, kind: request.kind, isStealing: request.isStealing });
      // whoever held the claim before may have changed it
      const record = await requireShelved(context, instanceId);
      requireSame(plan, record);
      await (plan.isInPlace
        ? startInPlace(context, plan, record)
        : bringBack(context, { plan, record, request }, signal));
    } catch (error) {
      await undoAndSettle(context, () => undoUnshelve(context, plan, context.operation.id));
      throw error;
    }
    plan.isComplete = true;
    await context.operation.enter('complete', plan);
    for (const note of await completeUnshelve(context, plan, context.operation.id)) context.operation.warn(note);
    await context.operation.settle('unshelved');
    return { instanceId };
  },
};

function unshelveLocks({ id, name, imageId }: Pick<ShelvedInstance, 'id' | 'name' | 'imageId'>): LockRequest {
  return { exclusive: [`instance:${id}`, `name:${name}`, `image:${imageId}`], shared: [] };
}

export const recoverUnshelve: Recover = async (core, unfinished) => {
  const plan = unshelvePlanSchema.parse(unfinished.plan);
  const { id, kind } = unfinished.operation;
  const locks = unshelveLocks({ id: plan.instanceId, name: plan.instanceName, imageId: plan.imageId });
  await acquireLocks(core, locks, { operationId: id, kind });
  // given up as the last thing, or taken over: what is here by now is somebody else's work
  if (!(await isClaimedFor(core, plan, { id, kind })))
    return [`The unshelve of ${plan.instanceName} holds no claim any more: nothing was touched.`];
  if (plan.isComplete || (plan.isInPlace && (await isLive(core, plan.instanceId)))) {
    const notes = await completeUnshelve(core, plan, id);
    return [`The instance ${plan.instanceName} had come back; the rest of its unshelve was done.`, ...notes];
  }
  await undoUnshelve(core, plan, id);
  return [`The instance ${plan.instanceName} is still shelved.`];
};

/** Also where somebody took it over and failed: then it is still shelved, and what lies here was made by us. */
async function isClaimedFor(
  core: Core,
  { instanceId, imageId, isComplete, isInPlace }: UnshelvePlan,
  operation: { readonly id: string; readonly kind: string },
): Promise<boolean> {
  const holder = await core.shelf.readClaim(instanceId);
  if (holder !== null || isComplete || isInPlace) return holder?.operationId === operation.id;
  const claim = {
    instanceId,
    host: core.hostName,
    operationId: operation.id,
    kind: operation.kind,
    since: core.clock.now().toISOString(),
  };
  if ((await core.shelf.claim(claim)) !== null) return false;
  const record = await core.shelf.read(instanceId);
  if (record?.imageId === imageId && record.state === 'shelved_offloaded') return true;
  await core.shelf.releaseClaim(instanceId, operation.id);
  return false;
}

/** Where it never left, a guest that goes on has left the shelf. */
async function isLive(core: Core, instanceId: string): Promise<boolean> {
  const domains = await outlastLibvirtRestart(core, () => core.hypervisor.listDomains());
  return domains.some(
    ({ uuid, powerState }) => uuid === instanceId && powerState !== 'shutdown' && powerState !== 'suspended',
  );
}

async function bringBack(
  context: OperationContext,
  work: { readonly plan: UnshelvePlan; readonly record: ShelvedInstance; readonly request: UnshelveInstanceRequest },
  signal: AbortSignal,
): Promise<void> {
  const { plan, record, request } = work;
  await takeOverImage(context, record.imageId);
  await fetchShelved(context, record, signal);
  const coming = await requireUnshelvable(context, record, {
    diskDir: request.diskDir,
    networks: request.networks,
    isStarted: plan.wanted === 'running' || plan.wanted === 'paused',
  });
  await lockPlaces(context, coming);
  throwIfCancelled(signal);
  await bringFiles(context, { plan, coming });
  await bringDisks(context, { plan, coming }, signal);
  throwIfCancelled(signal);
  await bringUp(context, { plan, coming, isCold: request.isCold });
  throwIfCancelled(signal);
  const { missingMedia } = coming.placement.relocation;
  if (missingMedia.length > 0)
    context.operation.warn(`Drives are empty, because their media are not on this host: ${missingMedia.join(', ')}.`);
}

/** It never left: nothing is rebuilt. What its guest does from now on is not in the image any more. */
async function startInPlace(context: OperationContext, plan: UnshelvePlan, record: ShelvedInstance): Promise<void> {
  await requireHostDisks(context, record);
  await context.operation.enter('start', plan);
  try {
    await restorePower(context, plan.instanceId, plan.wanted);
  } catch (error) {
    // a guest that goes on whatever libvirt answered cannot be put back on the shelf
    if (!(await isLive(context, plan.instanceId))) throw error;
  }
}

async function requireShelved(core: Core, reference: string): Promise<ShelvedInstance> {
  const record = await findShelved(core, reference);
  if (record === null) {
    const domain = await findDomainOf(core, reference);
    if (domain === null) throw notFound(core, reference);
    throw new DarkroomError(
      'INSTANCE_STATE',
      `The instance ${domain.name} is not shelved: it is ${domain.powerState}.`,
      {
        fields: { instanceId: domain.uuid, powerState: domain.powerState },
      },
    );
  }
  if (record.state === 'shelved_offloaded' || (record.state === 'shelved' && record.host === core.hostName))
    return record;
  throw new DarkroomError(
    'INSTANCE_STATE',
    `The instance ${record.name} (${record.id}) is ${record.state} on ${record.host}, which has its disks: unshelve it there.`,
    { fields: { instanceId: record.id, state: record.state, host: record.host } },
  );
}

async function planUnshelve(
  core: Core,
  record: ShelvedInstance,
  request: UnshelveInstanceRequest,
): Promise<UnshelvePlan> {
  return {
    version: 1,
    instanceId: record.id,
    instanceName: record.name,
    imageId: record.imageId,
    isInPlace: record.state === 'shelved' && (await isHere(core, record)),
    wanted: request.isStarted ? record.powerState : 'shutdown',
    isAutostart: record.isAutostart,
    folder: null,
    files: [],
    links: [],
    isImageReserved: false,
    mayBeDefined: false,
    isComplete: false,
  };
}

/** INSTANCE_STATE where it is neither on its host nor in its image. */
async function isHere(core: Core, { id, name, isImageDeferred, host }: ShelvedInstance): Promise<boolean> {
  const domains = await core.hypervisor.listDomains();
  if (domains.some(({ uuid }) => uuid === id)) return true;
  if (!isImageDeferred) return false;
  throw new DarkroomError(
    'INSTANCE_STATE',
    `The instance ${name} (${id}) is shelved on ${host}, and somebody undefined it there. Its disks are where they were: define it again.`,
    { fields: { instanceId: id, host } },
  );
}

/** INSTANCE_BUSY when it came back and was shelved anew before the claim was ours. */
function requireSame(plan: UnshelvePlan, record: ShelvedInstance): void {
  if (record.imageId === plan.imageId && (record.state === 'shelved' || !plan.isInPlace)) return;
  throw new DarkroomError('INSTANCE_BUSY', `The shelved instance ${record.name} changed meanwhile: try again.`, {
    fields: { instanceId: record.id },
  });
}

/** Two instances that come to one folder must not take each other's files for their own. */
async function lockPlaces(context: OperationContext, { record, placement }: Return): Promise<void> {
  const places = [...placement.disks, ...placement.files].map((placed) => `place:${placed.path}`);
  const claim = { operationId: context.operation.id, kind: 'instance.unshelve', owner: context.processes.self };
  const holder = await context.locks.tryAcquire(places, claim);
  if (holder === null) return;
  throw new DarkroomError(
    'INSTANCE_BUSY',
    `Another instance comes back to ${holder.key.slice('place:'.length)} just now (operation ${holder.operationId}): name another folder for ` +
      `${record.name} with --disk-dir.`,
    { fields: { instanceId: record.id, operationId: holder.operationId } },
  );
}
