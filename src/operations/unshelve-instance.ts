import { DarkroomError } from '../model/errors.ts';
import type { UnshelveInstanceRequest } from '../model/requests.ts';
import type { ShelvedInstance } from '../model/shelved-instance.ts';
import { findDomainOf, notFound } from './steps/find-instance.ts';
import { findShelved } from './steps/shelve/find-shelved.ts';
import { restorePower } from './steps/shelve/put-back.ts';
import { undoAndSettle } from './steps/undo-and-settle.ts';
import { bringDisks } from './steps/unshelve/bring-disks.ts';
import { bringFiles } from './steps/unshelve/bring-files.ts';
import { bringUp } from './steps/unshelve/bring-up.ts';
import { claimInstance } from './steps/unshelve/claim-instance.ts';
import { completeUnshelve, undoUnshelve } from './steps/unshelve/end-unshelve.ts';
import { requireUnshelvable } from './steps/unshelve/require-unshelvable.ts';
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
    const plan = planUnshelve(await requireShelved(context, instanceId), request);
    await context.operation.enter('claim', plan);
    try {
      await claimInstance(context, { instanceId, kind: request.kind, isStealing: request.isStealing });
      // whoever held the claim before may have changed it
      const record = await requireShelved(context, instanceId);
      await (plan.isInPlace ? startInPlace(context, plan) : bringBack(context, { plan, record, request }, signal));
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
  if ((await core.shelf.readClaim(plan.instanceId))?.operationId !== id)
    return [`The unshelve of ${plan.instanceName} holds no claim any more: nothing was touched.`];
  if (plan.isComplete || (plan.isInPlace && (await isLive(core, plan.instanceId)))) {
    const notes = await completeUnshelve(core, plan, id);
    return [`The instance ${plan.instanceName} had come back; the rest of its unshelve was done.`, ...notes];
  }
  await undoUnshelve(core, plan, id);
  return [`The instance ${plan.instanceName} is still shelved.`];
};

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
  const coming = await requireUnshelvable(context, record, {
    diskDir: request.diskDir,
    networks: request.networks,
    isStarted: plan.wanted === 'running' || plan.wanted === 'paused',
  });
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
async function startInPlace(context: OperationContext, plan: UnshelvePlan): Promise<void> {
  await context.hypervisor.getDomain(plan.instanceId);
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

function planUnshelve(record: ShelvedInstance, request: UnshelveInstanceRequest): UnshelvePlan {
  return {
    version: 1,
    instanceId: record.id,
    instanceName: record.name,
    imageId: record.imageId,
    isInPlace: record.state === 'shelved',
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
