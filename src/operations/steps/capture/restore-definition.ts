import { readDiskPaths, restoreDiskElements } from '../../../model/domain-xml/disk-sources.ts';
import type { DomainInfo } from '../../../model/ports/hypervisor.ts';
import type { CapturePlan } from '../../capture-plan.ts';
import type { Core } from '../../support/context.ts';
import { outlastLibvirtRestart } from '../../support/patience.ts';

/**
 * The persistent definition and the saved memory name the old chain again; a definition that somebody removed in the
 * middle comes back. Returns what a person should know.
 */
export async function restoreDefinition(core: Core, plan: CapturePlan, domain: DomainInfo | null): Promise<string[]> {
  if (!plan.isPersistent) return [];
  if (domain?.hasManagedSave === true) await restoreManagedSave(core, plan);
  if (domain === null || !domain.isPersistent) return await defineAgain(core, plan);
  const current = await outlastLibvirtRestart(core, () =>
    core.hypervisor.getDomainXml(plan.instanceId, { isInactive: true, isSecure: true }),
  );
  const targets = plan.disks.map((disk) => disk.target);
  const restored = restoreDiskElements(current, plan.savedXml, targets);
  if (restored !== restoreDiskElements(current, current, targets)) {
    await outlastLibvirtRestart(core, () => core.hypervisor.defineDomain(restored));
  }
  return [];
}

/** A guest that was suspended in the middle goes on upon its old chain: its saved memory has an XML of its own. */
async function restoreManagedSave(core: Core, plan: CapturePlan): Promise<void> {
  const saved = await outlastLibvirtRestart(core, () => core.hypervisor.getManagedSaveXml(plan.instanceId));
  const paths = readDiskPaths(saved);
  const targets = plan.disks.filter((disk) => paths.get(disk.target) === disk.overlayPath).map((disk) => disk.target);
  if (targets.length === 0) return;
  const restored = restoreDiskElements(saved, plan.savedXml, targets);
  await outlastLibvirtRestart(core, () => core.hypervisor.defineManagedSaveXml(plan.instanceId, restored));
}

async function defineAgain(core: Core, plan: CapturePlan): Promise<string[]> {
  await outlastLibvirtRestart(core, async () => {
    await core.hypervisor.defineDomain(plan.savedXml);
    // libvirt forgets it with the definition
    if (plan.isAutostart) await core.hypervisor.setAutostart(plan.instanceId, { isEnabled: true });
  });
  return [`The instance ${plan.instanceName} was undefined during its capture; its definition was put back.`];
}
