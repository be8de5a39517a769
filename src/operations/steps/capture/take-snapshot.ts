import { buildSnapshotXml } from '../../../model/domain-xml/disk-sources.ts';
import type { CapturePlan } from '../../capture-plan.ts';
import type { Core } from '../../support/context.ts';
import type { Inspection } from './inspect-instance.ts';

/** Puts every captured disk on its overlay at one instant; every other disk is named as left out. */
export async function takeSnapshot(core: Core, plan: CapturePlan, inspection: Inspection): Promise<void> {
  const overlays = new Map(plan.disks.map((disk) => [disk.target, disk.overlayPath]));
  const disks = inspection.description.disks.map(({ target }) => ({
    target,
    overlayPath: overlays.get(target) ?? null,
  }));
  await core.hypervisor.createDiskSnapshot(plan.instanceId, buildSnapshotXml(`darkroom-${plan.imageId}`, disks));
}
