import { hasCode } from '../../../model/errors.ts';
import type { DomainInfo } from '../../../model/ports/hypervisor.ts';
import type { CapturePlan } from '../../capture-plan.ts';
import type { Core } from '../../support/context.ts';
import { outlastLibvirtRestart } from '../../support/patience.ts';

/** The captured domain as it is now; null when it is gone. */
export async function findDomain(core: Core, plan: Pick<CapturePlan, 'instanceId'>): Promise<DomainInfo | null> {
  return outlastLibvirtRestart(core, async () => {
    try {
      return await core.hypervisor.getDomain(plan.instanceId);
    } catch (error) {
      if (hasCode(error, 'INSTANCE_NOT_FOUND')) return null;
      throw error;
    }
  });
}

/** Its QEMU is there. */
export function isLive(domain: Pick<DomainInfo, 'powerState'> | null): boolean {
  return domain?.powerState === 'running' || domain?.powerState === 'paused';
}

/** All that names the domain's disks: the machine as it is, its persistent definition, its saved memory. */
export async function readDefinitions(core: Core, plan: CapturePlan, domain: DomainInfo): Promise<string[]> {
  const { hypervisor } = core;
  return outlastLibvirtRestart(core, async () => [
    await hypervisor.getDomainXml(plan.instanceId),
    await hypervisor.getDomainXml(plan.instanceId, { isInactive: true }),
    ...(domain.hasManagedSave ? [await hypervisor.getManagedSaveXml(plan.instanceId)] : []),
  ]);
}

/**
 * Waits until libvirt has done what it was asked before, by us or by a process that died: what is seen of a domain in
 * the middle of a snapshot or a pause is not yet true. libvirt queues this question behind such work.
 */
export async function waitForDomainJobs(
  core: Core,
  plan: { readonly instanceId: string; readonly disks: readonly { readonly target: string }[] },
): Promise<void> {
  const [disk] = plan.disks;
  if (disk === undefined) return;
  try {
    await outlastLibvirtRestart(core, () => core.hypervisor.getBlockJob(plan.instanceId, disk.target));
  } catch (error) {
    if (hasCode(error, 'INSTANCE_NOT_FOUND')) return;
    // a domain that is off, or has lost the disk, has no such work
    if (!hasCode(error, 'LIBVIRT_FAILED') || isTimeout(error)) throw error;
  }
}

/** VIR_ERR_OPERATION_TIMEOUT: the work goes on still. https://libvirt.org/html/libvirt-virterror.html#virErrorNumber */
const OPERATION_TIMEOUT = 68;

export function isTimeout(error: unknown): boolean {
  return hasCode(error, 'LIBVIRT_FAILED') && error.fields['libvirtCode'] === OPERATION_TIMEOUT;
}
