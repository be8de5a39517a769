import { endBackingChain, forgetBackingChain } from '../../../../model/domain-xml/disk-chain.ts';
import { restoreDiskElements } from '../../../../model/domain-xml/disk-sources.ts';
import { hasCode } from '../../../../model/errors.ts';
import type { RestorePlan } from '../../../restore-snapshot-plan.ts';
import type { Core } from '../../../support/context.ts';
import { outlastLibvirtRestart } from '../../../support/patience.ts';

/**
 * Before the swap: libvirt shall take the chain from the file's header, whichever of the two files it is. A definition that
 * stated the old file's chain would have QEMU read that below the new one.
 */
export async function openDefinition(core: Core, plan: RestorePlan): Promise<void> {
  await change(core, plan, (xml) => forgetBackingChain(xml, plan.target));
}

/** After it: the volume stands alone. */
export async function closeDefinition(core: Core, plan: RestorePlan): Promise<void> {
  await change(core, plan, (xml) => endBackingChain(xml, plan.target));
}

/** The disk as it was; what somebody changed elsewhere stays. */
export async function putDefinitionBack(core: Core, plan: RestorePlan): Promise<void> {
  const { savedXml, target } = plan;
  if (savedXml !== null) await change(core, plan, (xml) => restoreDiskElements(xml, savedXml, [target]));
}

async function change(core: Core, plan: RestorePlan, edit: (xml: string) => string): Promise<void> {
  if (plan.savedXml === null) return;
  await outlastLibvirtRestart(core, async () => {
    const current = await readDefinition(core, plan);
    if (current === null) return;
    const wanted = edit(current);
    // serialised the same way, so that only what was really changed is defined
    if (wanted !== restoreDiskElements(current, current, [])) await core.hypervisor.defineDomain(wanted);
  });
}

/** null when somebody undefined it meanwhile. */
async function readDefinition({ hypervisor }: Core, { instanceId }: RestorePlan): Promise<string | null> {
  try {
    return await hypervisor.getDomainXml(instanceId, { isInactive: true, isSecure: true });
  } catch (error) {
    if (hasCode(error, 'INSTANCE_NOT_FOUND')) return null;
    throw error;
  }
}
