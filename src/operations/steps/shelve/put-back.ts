import { hasCode } from '../../../model/errors.ts';
import type { DomainInfo } from '../../../model/ports/hypervisor.ts';
import type { ShelvablePowerState, ShelvedInstance } from '../../../model/shelved-instance.ts';
import type { ShelvePlan } from '../../shelve-plan.ts';
import type { Core } from '../../support/context.ts';
import { outlastLibvirtRestart } from '../../support/patience.ts';
import { removeUnpublished } from '../remove-unpublished.ts';
import { leaveHost } from './leave-host.ts';

export interface PutRight {
  /** Past the point of no return it is finished; before it, undone. */
  readonly isOffloaded: boolean;
  readonly note: string;
}

/**
 * Finishes or undoes a shelve that did not come to its end. What was undefined by us goes forward, all else goes back: the guest
 * first, then the record, then what had been captured.
 */
export async function putRight(core: Core, plan: ShelvePlan): Promise<PutRight> {
  for (const helper of plan.helpers) await core.processes.kill(helper);
  const domain = await outlastLibvirtRestart(core, () => findDefined(core, plan.instanceId));
  // a store that is away must not keep the guest off
  if (domain !== null && !plan.isShelvedBefore) await backToWork(core, plan, domain);
  const record = await core.shelf.read(plan.instanceId);
  if (domain === null && record !== null && isComplete(record)) {
    await leaveHost(core, record);
    return {
      isOffloaded: true,
      note: `The instance ${plan.instanceName} was undefined already: its offload was finished.`,
    };
  }
  if (domain === null) await defineAgain(core, plan);
  await (plan.isShelvedBefore ? backOnShelf(core, plan, record) : offShelf(core, plan));
  const state = plan.isShelvedBefore ? 'shelved as' : 'as';
  return { isOffloaded: false, note: `The instance ${plan.instanceName} is ${state} it was before.` };
}

async function findDefined(core: Core, instanceId: string): Promise<DomainInfo | null> {
  try {
    const domain = await core.hypervisor.getDomain(instanceId);
    return domain.isPersistent ? domain : null;
  } catch (error) {
    if (hasCode(error, 'INSTANCE_NOT_FOUND')) return null;
    throw error;
  }
}

/** Everything but disks that move is in the image, or its draft: we undefine only then. */
function isComplete(record: ShelvedInstance): boolean {
  return record.state !== 'shelved' || !record.isImageDeferred;
}

async function backToWork(core: Core, plan: ShelvePlan, domain: Pick<DomainInfo, 'uuid'>): Promise<void> {
  await outlastLibvirtRestart(core, () => restorePower(core, domain.uuid, plan.powerState));
  if (plan.isAutostart) await core.hypervisor.setAutostart(domain.uuid, { isEnabled: true });
}

/** Somebody undefined it meanwhile; its disks are where they were. */
async function defineAgain(core: Core, plan: ShelvePlan): Promise<void> {
  await outlastLibvirtRestart(core, () => core.hypervisor.defineDomain(plan.savedXml));
  if (!plan.isShelvedBefore) await backToWork(core, plan, { uuid: plan.instanceId });
}

async function backOnShelf(core: Core, plan: ShelvePlan, record: ShelvedInstance | null): Promise<void> {
  if (record === null) return;
  if (record.isImageDeferred) await removeUnpublished(core, plan.imageId);
  if (record.state !== 'shelved') await core.shelf.write({ ...record, state: 'shelved' });
}

async function offShelf(core: Core, plan: ShelvePlan): Promise<void> {
  await core.shelf.remove(plan.instanceId);
  if (await removeUnpublished(core, plan.imageId)) await core.store.deleteImage(plan.imageId);
}

/** Saved memory is taken up again by libvirt itself. */
export async function restorePower(core: Core, uuid: string, before: ShelvablePowerState): Promise<void> {
  const { powerState, hasManagedSave } = await core.hypervisor.getDomain(uuid);
  const isOff = powerState === 'shutdown' || powerState === 'suspended';
  if (!isOff || before === 'shutdown' || (before === 'suspended' && hasManagedSave)) return;
  await core.hypervisor.startDomain(uuid, { isPaused: before === 'paused' });
}
