import { type DomainDescription, describeDomain } from '../model/domain-xml/describe-domain.ts';
import { DarkroomError, hasCode } from '../model/errors.ts';
import type { JournalledOperation, OperationResult } from '../model/operation.ts';
import type { DomainInfo } from '../model/ports/hypervisor.ts';
import type { DeleteInstanceRequest } from '../model/requests.ts';
import type { ShelvedInstance } from '../model/shelved-instance.ts';
import { type DeleteInstancePlan, deleteInstancePlanSchema } from './delete-instance-plan.ts';
import { findMade, isNvramOurs, listKept } from './steps/launch/find-made.ts';
import { removeInstanceFiles } from './steps/launch/instance-folder.ts';
import { powerOff } from './steps/power/shut-down.ts';
import { dropShelved, findDoomed, requireDisposable } from './steps/shelve/drop-shelved.ts';
import { claimInstance } from './steps/unshelve/claim-instance.ts';
import type { Core, OperationContext } from './support/context.ts';
import { outlastLibvirtRestart, throwIfCancelled } from './support/patience.ts';
import type { Preparation, UseCase } from './support/use-case.ts';

export interface DeleteInstanceInput {
  readonly instanceId: string;
  readonly isForced: boolean;
}

/** Ends an instance for good, with exactly the files that its launch made. Of a domain that Darkroom did not make the files stay. */
export const deleteInstance: UseCase<DeleteInstanceRequest, DeleteInstanceInput> = {
  async prepare(core: Core, request: DeleteInstanceRequest): Promise<Preparation<DeleteInstanceInput>> {
    const { domain, record } = await findDoomed(core, request.instance);
    if (domain !== null) await planDelete(core, { domain, record }, request);
    if (record !== null) await requireDisposable(core, record);
    const target = domain ?? { uuid: record.id, name: record.name };
    const image = record === null ? [] : [`image:${record.imageId}`];
    return {
      target: target.name,
      locks: { exclusive: [`instance:${target.uuid}`, ...image], shared: [] },
      input: { instanceId: target.uuid, isForced: request.isForced },
    };
  },

  async run(context: OperationContext, input: DeleteInstanceInput, signal: AbortSignal): Promise<OperationResult> {
    const { domain, record } = await findDoomed(context, input.instanceId);
    if (domain === null) return await deleteOffloaded(context, record, signal);
    const { plan, description } = await planDelete(context, { domain, record }, input);
    throwIfCancelled(signal);
    await context.operation.enter('powering off', plan);
    await removeDomain(context, { domain, description, plan });
    await context.operation.enter('removing files', plan);
    for (const note of await removeMade(context, plan)) context.operation.warn(note);
    await context.operation.settle('deleted');
    warnOfKept(context, description, plan);
    return { instanceId: domain.uuid };
  },
};

/** There is nothing of it but its image and its record. */
async function deleteOffloaded(
  context: OperationContext,
  record: ShelvedInstance,
  signal: AbortSignal,
): Promise<OperationResult> {
  const { id: instanceId, name: instanceName, imageId } = record;
  throwIfCancelled(signal);
  await claimInstance(context, { instanceId, kind: 'instance.delete', isStealing: false });
  try {
    await requireSameRecord(context, record);
    await requireDisposable(context, record);
  } catch (error) {
    await context.shelf.releaseClaim(instanceId, context.operation.id);
    throw error;
  }
  await context.operation.enter('removing files', {
    version: 1,
    instanceId,
    instanceName,
    made: null,
    shelvedImageId: imageId,
    isClaimed: true,
  } satisfies DeleteInstancePlan);
  for (const note of await dropShelved(context, instanceId, imageId)) context.operation.warn(note);
  await context.shelf.releaseClaim(instanceId, context.operation.id);
  await context.operation.settle('deleted');
  return { instanceId };
}

/** INSTANCE_BUSY when it came back, or was shelved anew, before the claim was ours. */
async function requireSameRecord(context: OperationContext, record: ShelvedInstance): Promise<void> {
  const now = await context.shelf.read(record.id);
  if (now?.imageId === record.imageId && now.state === record.state) return;
  throw new DarkroomError('INSTANCE_BUSY', `The shelved instance ${record.name} changed meanwhile: try again.`, {
    fields: { instanceId: record.id },
  });
}

/** Goes on once the domain is undefined; before that nothing is lost yet but its power. */
export async function recoverDeleteInstance(core: Core, unfinished: JournalledOperation): Promise<readonly string[]> {
  const plan = deleteInstancePlanSchema.parse(unfinished.plan);
  const holder = plan.isClaimed ? await core.shelf.readClaim(plan.instanceId) : null;
  // another host took it over: it may be coming back from its image just now
  if (plan.isClaimed && holder?.operationId !== unfinished.operation.id)
    return [`The delete of ${plan.instanceName} holds no claim any more: nothing was touched.`];
  if (await exists(core, plan.instanceId)) {
    return [`The instance ${plan.instanceName} was not deleted; it may have been powered off.`];
  }
  const notes = await removeMade(core, plan);
  await core.shelf.releaseClaim(plan.instanceId, unfinished.operation.id);
  return [`The instance ${plan.instanceName} was deleted.`, ...notes];
}

interface Doomed {
  readonly plan: DeleteInstancePlan;
  readonly description: DomainDescription;
}

/** INSTANCE_UNMANAGED for a domain that Darkroom did not make, unless forced. */
async function planDelete(
  core: Core,
  { domain, record }: { readonly domain: DomainInfo; readonly record: ShelvedInstance | null },
  request: { readonly isForced: boolean },
): Promise<Doomed> {
  const { uuid, name, isPersistent } = domain;
  const description = describeDomain(await core.hypervisor.getDomainXml(uuid, { isInactive: isPersistent }));
  const made = await findMade(core, description);
  if (made === null && !request.isForced) throw unmanaged(domain);
  return {
    plan: {
      version: 1,
      instanceId: uuid,
      instanceName: name,
      made,
      shelvedImageId: record?.imageId ?? null,
      isClaimed: false,
    },
    description,
  };
}

function unmanaged({ uuid, name }: DomainInfo): DarkroomError {
  return new DarkroomError(
    'INSTANCE_UNMANAGED',
    `The instance ${name} was not made by Darkroom, or its record is gone. With --force it is powered off and undefined, and its disks are kept.`,
    { fields: { instanceId: uuid } },
  );
}

async function removeDomain(
  context: OperationContext,
  doomed: Doomed & { readonly domain: DomainInfo },
): Promise<void> {
  const { domain, plan } = doomed;
  try {
    await powerOff(context, domain.uuid);
    await context.operation.enter('undefining', plan);
    if (domain.isPersistent) await undefine(context, doomed);
    // somebody may have started it in between: then it lives on without a definition
    await powerOff(context, domain.uuid);
  } catch (error) {
    // what an unreachable libvirt has done is for recovery to see
    if (!hasCode(error, 'LIBVIRT_UNREACHABLE') && (await isStillDefined(context, domain.uuid))) {
      await context.operation.settle('failed');
    }
    throw error;
  }
}

async function undefine(core: Core, { plan, description }: Doomed): Promise<void> {
  const nvram = isNvramOurs(description, plan.made) ? 'remove' : 'keep';
  // disks that are kept may be sealed to the TPM
  const tpm = plan.made === null ? 'keep' : 'remove';
  try {
    await core.hypervisor.undefineDomain(plan.instanceId, { nvram, tpm });
  } catch (error) {
    if (!hasCode(error, 'INSTANCE_NOT_FOUND')) throw error;
  }
}

async function isStillDefined(core: Core, uuid: string): Promise<boolean> {
  try {
    return (await core.hypervisor.getDomain(uuid)).isPersistent;
  } catch {
    return false;
  }
}

async function exists(core: Core, uuid: string): Promise<boolean> {
  const domains = await outlastLibvirtRestart(core, () => core.hypervisor.listDomains());
  return domains.some((domain) => domain.uuid === uuid);
}

/** The files first and then the claim on the image: as long as an overlay is there, the image must be too. */
async function removeMade(core: Core, plan: DeleteInstancePlan): Promise<string[]> {
  const notes = plan.shelvedImageId === null ? [] : await dropShelved(core, plan.instanceId, plan.shelvedImageId);
  if (plan.made === null) return notes;
  const { folder, files, imageId } = plan.made;
  const left = await removeInstanceFiles(core, folder, files);
  await core.store.removeUser(imageId, plan.instanceId);
  return left.length === 0
    ? notes
    : [...notes, `The folder ${folder} is kept, because there is more in it: ${left.join(', ')}.`];
}

function warnOfKept({ operation }: OperationContext, description: DomainDescription, plan: DeleteInstancePlan): void {
  const kept = listKept(description, plan.made);
  if (!isNvramOurs(description, plan.made) && description.nvramPath !== null) kept.push(description.nvramPath);
  if (kept.length > 0) operation.warn(`Kept, because Darkroom did not make them: ${kept.join(', ')}.`);
  if (plan.made === null && description.hasTpm) {
    operation.warn(`The state of its TPM is kept, under the UUID ${plan.instanceId}.`);
  }
}
