import { namesFile, readDiskPaths } from '../../../model/domain-xml/disk-sources.ts';
import { DarkroomError } from '../../../model/errors.ts';
import type { FileStat } from '../../../model/ports/host.ts';
import type { DomainInfo } from '../../../model/ports/hypervisor.ts';
import type { CaptureDisk, CapturePlan } from '../../capture-plan.ts';
import type { Core } from '../../support/context.ts';
import { outlastLibvirtRestart } from '../../support/patience.ts';
import { type CommitOptions, commitOverlay } from './commit-overlay.ts';
import { findDomain, isLive, readDefinitions } from './look-at-domain.ts';
import { restoreDefinition } from './restore-definition.ts';

const MOMENTS_MS = 2000;

type OverlaidDisk = CaptureDisk & { readonly overlayPath: string };

/**
 * Puts an instance back on the chain that it had before its capture, whatever state things are in: looks first, then
 * does what is needed, so that it serves the good end, every failure and every crash alike. Idempotent. Returns what a
 * person should know.
 */
export async function returnToChain(core: Core, plan: CapturePlan, options: CommitOptions = {}): Promise<string[]> {
  const disks = plan.disks.filter((disk): disk is OverlaidDisk => disk.overlayPath !== null);
  if (isLive(await findDomain(core, plan))) await returnLive(core, plan, { disks, options });
  // looked at again: the guest may have been shut down or undefined while its disks were committed
  const domain = await findDomain(core, plan);
  if (!isLive(domain)) await returnOffline(core, plan, { disks, domain, options });
  const notes = await restoreDefinition(core, plan, domain);
  await confirmChain(core, plan, disks);
  for (const disk of disks) await core.files.remove(disk.overlayPath);
  return notes;
}

async function returnLive(
  core: Core,
  plan: CapturePlan,
  { disks, options }: { disks: readonly OverlaidDisk[]; options: CommitOptions },
): Promise<void> {
  for (const disk of disks) {
    try {
      await returnLiveDisk(core, plan, { disk, options });
    } catch (error) {
      // a guest that went off in the middle is committed from outside
      if (isLive(await findDomain(core, plan))) throw error;
      return;
    }
    // at once: committed again later, it would undo what the guest writes from now on
    await core.files.remove(disk.overlayPath);
  }
}

async function returnLiveDisk(
  core: Core,
  plan: CapturePlan,
  { disk, options }: { disk: OverlaidDisk; options: CommitOptions },
): Promise<void> {
  const xml = await outlastLibvirtRestart(core, () => core.hypervisor.getDomainXml(plan.instanceId));
  const place = placeOf(xml, disk);
  switch (place) {
    case 'on disk':
      return;
    case 'on overlay':
      return await commitOverlay(core, plan, disk, options);
    case 'detached':
      return await commitFromOutside(core, disk, options);
    case 'covered':
      throw covered(plan, disk);
    default:
      return place satisfies never;
  }
}

/** Nobody has the files open: qemu-img merges what the guest wrote, and QEMU's lock stops it where that is not true. */
async function returnOffline(
  core: Core,
  plan: CapturePlan,
  { disks, domain, options }: { disks: readonly OverlaidDisk[]; domain: DomainInfo | null; options: CommitOptions },
): Promise<void> {
  const definitions = domain === null ? [] : await readDefinitions(core, plan, domain);
  for (const disk of disks) {
    const places = definitions.map((xml) => placeOf(xml, disk));
    if (places.includes('covered')) throw covered(plan, disk);
    if (places.length === 0 || places.some((place) => place !== 'on disk')) {
      await commitFromOutside(core, disk, options);
    }
  }
}

type Place = 'on overlay' | 'on disk' | 'detached' | 'covered';

/** covered: somebody took a snapshot meanwhile, and what the guest writes lies on top of our overlay. */
function placeOf(xml: string, disk: OverlaidDisk): Place {
  const current = readDiskPaths(xml).get(disk.target);
  if (current === disk.overlayPath) return 'on overlay';
  if (namesFile(xml, disk.overlayPath)) return 'covered';
  return current === disk.path ? 'on disk' : 'detached';
}

async function commitFromOutside(core: Core, disk: OverlaidDisk, { save, onNote }: CommitOptions): Promise<void> {
  const overlay = await core.files.stat(disk.overlayPath);
  if (overlay === null) return;
  if (disk.mayBePivoted === true) {
    if (await isWrittenSince(core, disk, overlay)) {
      onNote?.(`Disk ${disk.target} was used after its overlay: what the overlay holds is older and was dropped.`);
      return;
    }
    // from here on the disk is the newer of the two by our own doing
    disk.mayBePivoted = false;
    await save?.();
  }
  const { commitBandwidthBytesPerSecond: bandwidthBytesPerSecond } = core.settings;
  await core.diskTool.commit({ path: disk.overlayPath, format: 'qcow2' }, { bandwidthBytesPerSecond });
  await core.files.sync(disk.path);
}

/**
 * The guest went on upon the disk, and libvirt never learned of the pivot: it lost sight of a QEMU that ran on. Until a pivot both
 * files are written to within moments of each other, since one was only asked for when they were in step.
 */
async function isWrittenSince(core: Core, disk: OverlaidDisk, overlay: FileStat): Promise<boolean> {
  const base = disk.isBlockDevice ? null : await core.files.stat(disk.path);
  return base !== null && base.modifiedMs > overlay.modifiedMs + MOMENTS_MS;
}

/** The last look before an overlay is deleted: nothing that libvirt knows may name it. */
async function confirmChain(core: Core, plan: CapturePlan, disks: readonly OverlaidDisk[]): Promise<void> {
  const domain = await findDomain(core, plan);
  if (domain === null) return;
  for (const xml of await readDefinitions(core, plan, domain)) {
    const stuck = disks.find((disk) => namesFile(xml, disk.overlayPath));
    if (stuck === undefined) continue;
    throw commitFailed(
      plan,
      stuck,
      `is still on its overlay ${stuck.overlayPath}`,
      'darkroom doctor --repair commits it.',
    );
  }
}

function covered(plan: CapturePlan, disk: OverlaidDisk): DarkroomError {
  const seen = `has a snapshot of somebody else on top of its overlay ${disk.overlayPath}`;
  return commitFailed(plan, disk, seen, `Commit that snapshot (virsh blockcommit), then run darkroom doctor --repair.`);
}

function commitFailed(plan: CapturePlan, disk: OverlaidDisk, seen: string, remedy: string): DarkroomError {
  return new DarkroomError(
    'COMMIT_FAILED',
    `Disk ${disk.target} of ${plan.instanceName} ${seen}. The overlay holds what the guest wrote: do not delete it. ${remedy}`,
    { fields: { instanceId: plan.instanceId, target: disk.target, overlay: disk.overlayPath } },
  );
}
