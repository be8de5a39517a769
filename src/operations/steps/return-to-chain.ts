import { readDiskPaths, restoreDiskElements } from '../../model/domain-xml/disk-sources.ts';
import { DarkroomError, hasCode } from '../../model/errors.ts';
import type { DomainInfo } from '../../model/ports/hypervisor.ts';
import type { CaptureDisk, CapturePlan } from '../capture-plan.ts';
import type { Core } from '../support/context.ts';
import { outlastLibvirtRestart } from '../support/patience.ts';
import { type CommitOptions, commitOverlay } from './commit-overlay.ts';

type OverlaidDisk = CaptureDisk & { readonly overlayPath: string };

/**
 * Puts an instance back on the chain that it had before its capture, whatever state things are in: looks first, then
 * does what is needed, so that it serves the good end, every failure and every crash alike. Idempotent. Returns what a
 * person should know.
 */
export async function returnToChain(core: Core, plan: CapturePlan, options: CommitOptions = {}): Promise<string[]> {
  const notes: string[] = [];
  const disks = plan.disks.filter((disk): disk is OverlaidDisk => disk.overlayPath !== null);
  const domain = await findDomain(core, plan);
  const isLive = domain !== null && (domain.powerState === 'running' || domain.powerState === 'paused');
  if (isLive) await returnLive(core, plan, { disks, options });
  // looked at again: the guest may have been shut down or undefined while its disks were committed
  const after = await findDomain(core, plan);
  const wentOff = after === null || (after.powerState !== 'running' && after.powerState !== 'paused');
  if (wentOff) await returnOffline(core, plan, { disks, isDefined: after !== null });
  notes.push(...(await restoreDefinition(core, plan, after)));
  await confirmChain(core, plan, disks);
  for (const disk of disks) await core.files.remove(disk.overlayPath);
  return notes;
}

async function findDomain(core: Core, plan: CapturePlan): Promise<DomainInfo | null> {
  return outlastLibvirtRestart(core, async () => {
    try {
      return await core.hypervisor.getDomain(plan.instanceId);
    } catch (error) {
      if (hasCode(error, 'INSTANCE_NOT_FOUND')) return null;
      throw error;
    }
  });
}

async function returnLive(
  core: Core,
  plan: CapturePlan,
  { disks, options }: { disks: readonly OverlaidDisk[]; options: CommitOptions },
): Promise<void> {
  for (const disk of disks) {
    try {
      await commitOverlay(core, plan, disk, options);
    } catch (error) {
      const domain = await findDomain(core, plan);
      // a guest that went off in the middle is committed from outside
      if (domain !== null && (domain.powerState === 'running' || domain.powerState === 'paused')) throw error;
      return;
    }
  }
}

/** Nobody has the files open: qemu-img merges what the guest wrote, and QEMU's lock stops it where that is not true. */
async function returnOffline(
  core: Core,
  plan: CapturePlan,
  { disks, isDefined }: { disks: readonly OverlaidDisk[]; isDefined: boolean },
): Promise<void> {
  const current = isDefined ? readDiskPaths(await readDefinition(core, plan)) : null;
  for (const disk of disks) {
    const isOnOverlay = current === null || current.get(disk.target) === disk.overlayPath;
    if (!isOnOverlay || (await core.files.stat(disk.overlayPath)) === null) continue;
    await core.diskTool.commit({ path: disk.overlayPath, format: 'qcow2' });
  }
}

/** The persistent definition names the old chain again; one that somebody removed in the middle comes back. */
async function restoreDefinition(core: Core, plan: CapturePlan, domain: DomainInfo | null): Promise<string[]> {
  if (!plan.isPersistent) return [];
  if (domain === null || !domain.isPersistent) {
    await outlastLibvirtRestart(core, () => core.hypervisor.defineDomain(plan.savedXml));
    return [`The instance ${plan.instanceName} was undefined during its capture; its definition was put back.`];
  }
  const current = await readDefinition(core, plan);
  const targets = plan.disks.map((disk) => disk.target);
  const restored = restoreDiskElements(current, plan.savedXml, targets);
  if (restored !== restoreDiskElements(current, current, targets)) {
    await outlastLibvirtRestart(core, () => core.hypervisor.defineDomain(restored));
  }
  return [];
}

async function readDefinition(core: Core, plan: CapturePlan): Promise<string> {
  return outlastLibvirtRestart(core, () =>
    core.hypervisor.getDomainXml(plan.instanceId, { isInactive: true, isSecure: true }),
  );
}

/** The last look before an overlay is deleted: nothing that libvirt knows may name it. */
async function confirmChain(core: Core, plan: CapturePlan, disks: readonly OverlaidDisk[]): Promise<void> {
  const domain = await findDomain(core, plan);
  if (domain === null) return;
  for (const options of [{ isInactive: false }, { isInactive: true }]) {
    const paths = readDiskPaths(await core.hypervisor.getDomainXml(plan.instanceId, options));
    const stuck = disks.find((disk) => paths.get(disk.target) === disk.overlayPath);
    if (stuck === undefined) continue;
    throw new DarkroomError(
      'COMMIT_FAILED',
      `Disk ${stuck.target} of ${plan.instanceName} is still on its overlay ${stuck.overlayPath}. The overlay holds what the ` +
        'guest wrote: do not delete it. darkroom doctor --repair commits it.',
      { fields: { instanceId: plan.instanceId, target: stuck.target, overlay: stuck.overlayPath } },
    );
  }
}
