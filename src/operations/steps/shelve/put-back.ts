import { hasCode } from '../../../model/errors.ts';
import type { DomainInfo } from '../../../model/ports/hypervisor.ts';
import type { ShelvablePowerState } from '../../../model/shelved-instance.ts';
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

/** Finishes or undoes a shelve that did not come to its end. What was undefined goes forward, what was not goes back. */
export async function putRight(core: Core, plan: ShelvePlan): Promise<PutRight> {
  for (const helper of plan.helpers) await core.processes.kill(helper);
  const domain = await outlastLibvirtRestart(core, () => findDefined(core, plan.instanceId));
  // the guest must go on although the store is away: its record is read only where it decides
  const record = domain === null ? await core.shelf.read(plan.instanceId) : null;
  if (record !== null) {
    if (record.state !== 'shelved_offloaded') await leaveHost(core, record);
    return {
      isOffloaded: true,
      note: `The instance ${plan.instanceName} was undefined already: its offload was finished.`,
    };
  }
  if (plan.isShelvedBefore) await backOnShelf(core, plan);
  else await backToWork(core, plan, domain);
  return { isOffloaded: false, note: `The instance ${plan.instanceName} is as it was before.` };
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

async function backOnShelf(core: Core, plan: ShelvePlan): Promise<void> {
  const record = await core.shelf.read(plan.instanceId);
  if (record === null) return;
  if (record.isImageDeferred) await removeUnpublished(core, plan.imageId);
  await core.shelf.write({ ...record, state: 'shelved' });
}

/** The guest first, then the record, then what had been captured. */
async function backToWork(core: Core, plan: ShelvePlan, domain: DomainInfo | null): Promise<void> {
  if (domain !== null) {
    await outlastLibvirtRestart(core, () => restorePower(core, domain.uuid, plan.powerState));
    if (plan.isAutostart) await core.hypervisor.setAutostart(domain.uuid, { isEnabled: true });
  }
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
