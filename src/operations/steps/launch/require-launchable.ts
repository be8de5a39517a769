import path from 'node:path';
import { type BootFile, listBootFiles } from '../../../model/domain-xml/host-paths.ts';
import { DarkroomError } from '../../../model/errors.ts';
import type { Core } from '../../support/context.ts';
import { checkSpace } from '../check-space.ts';
import { drawUpXml, foreseeDisks, type LaunchDesign } from './design-launch.ts';
import { measureLaunch } from './materialise-disks.ts';
import { requireNetworks } from './require-networks.ts';
import { requireReachable } from './require-reachable.ts';
import { requireWholeImage } from './require-whole-image.ts';

/** Everything that can be said against a launch before anything is made. */
export async function requireLaunchable(core: Core, design: LaunchDesign, clone: { isThin: boolean }): Promise<void> {
  const { image, folder, request } = design;
  requireSize(design);
  await requireVirtType(core, design);
  // what lies elsewhere is fetched and looked at by the operation
  if (core.store.keepsFilesHere) await requireWholeImage(core, image);
  const disks = await foreseeDisks(core, design, clone);
  const { xml } = drawUpXml(design, { disks, macs: [] });
  await requireOpenBootFiles(core, xml);
  await requireNetworks(core, xml, request);
  for (const { backing } of disks) if (backing !== null) await requireReachable(core, backing.path);
  await requireReachable(core, path.join(folder, 'disk'));
  await checkSpace(core, await measureLaunch(core, image, { folder, ...clone }));
}

function requireSize({ request, image }: LaunchDesign): void {
  const { memoryMiB, vcpus } = request;
  for (const [what, value] of [
    ['memory', memoryMiB],
    ['number of vCPUs', vcpus],
  ] as const) {
    if (value === null || (Number.isSafeInteger(value) && value > 0)) continue;
    throw new DarkroomError('INVALID_REQUEST', `The ${what} must be a whole number above 0, not ${value}.`);
  }
  if (memoryMiB === null || memoryMiB >= image.minMemoryMiB) return;
  throw new DarkroomError(
    'INVALID_REQUEST',
    `The image ${image.name} (${image.id}) needs at least ${image.minMemoryMiB} MiB of memory, not ${memoryMiB}.`,
    { fields: { imageId: image.id, memoryMiB, minMemoryMiB: image.minMemoryMiB } },
  );
}

async function requireVirtType(core: Core, { source, image }: LaunchDesign): Promise<void> {
  if (source.virtType !== 'kvm' || (await core.hypervisor.offersKvm())) return;
  throw new DarkroomError(
    'INSTANCE_UNSUPPORTED',
    `The machine of the image ${image.name} (${image.id}) needs KVM, which libvirt does not offer on this host. ` +
      'See darkroom doctor, or launch it on another host.',
    { fields: { imageId: image.id } },
  );
}

/** libvirt opens them as root and lends them to QEMU: what not everybody may read, no image may name. */
export async function requireOpenBootFiles(core: Core, xml: string): Promise<void> {
  for (const file of listBootFiles(xml)) {
    const stat = await core.files.stat(file.path);
    if (stat?.kind === 'file' && (stat.mode & 0o004) !== 0) continue;
    throw closed(file, stat === null ? 'is not there' : 'is not a file that everybody may read');
  }
}

function closed({ path: file, kind }: BootFile, complaint: string): DarkroomError {
  const what = kind === 'direct' ? 'kernel, initrd or device tree' : 'firmware';
  return new DarkroomError(
    'IMAGE_REJECTED',
    `The machine of the image boots from the ${what} ${file} of its host, which ${complaint} here. Install it, or launch elsewhere.`,
    { fields: { path: file } },
  );
}
