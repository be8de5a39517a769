import path from 'node:path';
import { ownerOf } from '../../../model/access.ts';
import { type DomainDescription, describeDomain } from '../../../model/domain-xml/describe-domain.ts';
import { findForeignPaths } from '../../../model/domain-xml/foreign-paths.ts';
import type { LaunchDisk } from '../../../model/domain-xml/launch-disks.ts';
import { buildLaunchXml, type LaunchXml } from '../../../model/domain-xml/launch-xml.ts';
import { DarkroomError } from '../../../model/errors.ts';
import { type Image, NVRAM_FILE } from '../../../model/image.ts';
import type { LaunchInstanceRequest } from '../../../model/requests.ts';
import type { Core } from '../../support/context.ts';
import { SEED_FILE } from './instance-folder.ts';
import { readSourceXml } from './read-source-xml.ts';

/** A machine to be: everything about it but its disks. */
export interface LaunchDesign {
  readonly instanceId: string;
  readonly image: Image;
  readonly request: LaunchInstanceRequest;
  readonly folder: string;
  readonly owner: string | null;
  readonly sourceXml: string;
  readonly source: DomainDescription;
  /** null for a machine without UEFI. */
  readonly nvramPath: string | null;
  /** null when nothing is to be said to cloud-init. */
  readonly seedPath: string | null;
}

export async function designLaunch(
  core: Core,
  identity: Pick<LaunchDesign, 'instanceId' | 'image' | 'request' | 'folder'>,
): Promise<LaunchDesign> {
  const { folder, image, request } = identity;
  const sourceXml = await readSourceXml(core, image);
  const source = describeDomain(sourceXml);
  const nvramFile = `nvram${path.extname(image.nvram?.file ?? NVRAM_FILE)}`;
  const hasSeed = request.sshKeys.length > 0 || request.userData !== null;
  return {
    ...identity,
    owner: ownerOf(core.caller),
    sourceXml,
    source,
    nvramPath: source.firmware === 'uefi' ? path.join(folder, nvramFile) : null,
    seedPath: hasSeed ? path.join(folder, SEED_FILE) : null,
  };
}

/** The domain's XML with these disks. IMAGE_REJECTED when it would lead to a file that is neither the instance's nor the image's. */
export function drawUpXml(
  design: LaunchDesign,
  parts: { readonly disks: readonly LaunchDisk[]; readonly macs: readonly string[] },
): LaunchXml {
  const { request, instanceId, image, folder } = design;
  const built = buildLaunchXml(design.sourceXml, {
    uuid: instanceId,
    name: request.name,
    imageId: image.id,
    owner: design.owner,
    memoryMiB: request.memoryMiB,
    vcpus: request.vcpus,
    network: request.network,
    disks: parts.disks,
    nvramPath: design.nvramPath,
    seedPath: design.seedPath,
    macs: parts.macs,
  });
  const files = parts.disks.flatMap(({ backing }) => (backing === null ? [] : [backing.path]));
  const [foreign] = findForeignPaths(built.xml, { folders: [folder], files });
  if (foreign === undefined) return built;
  throw new DarkroomError(
    'IMAGE_REJECTED',
    `The machine of the image ${image.name} (${image.id}) would open a file of this host: ${foreign.path} (${foreign.place}). ` +
      'Kernels and firmware may lie in /boot, /usr, /opt, /srv or below /var/lib/libvirt; anything else must not be in its domain.xml.',
    { fields: { imageId: image.id, path: foreign.path, place: foreign.place } },
  );
}

/** Disks as they will be, for a look at the XML before anything is made. */
export async function foreseeDisks(
  core: Core,
  design: Pick<LaunchDesign, 'image' | 'folder'>,
  { isThin }: { readonly isThin: boolean },
): Promise<LaunchDisk[]> {
  const disks: LaunchDisk[] = [];
  for (const { target, file, format } of design.image.disks) {
    const backing = isThin ? { path: await foreseeFile(core, design.image, file), format } : null;
    disks.push({ target, path: path.join(design.folder, `disk-${target}.qcow2`), format: 'qcow2', backing });
  }
  return disks;
}

/** Where a file of the image will lie once somebody has asked for it. */
async function foreseeFile({ store }: Core, { id }: Image, file: string): Promise<string> {
  return store.keepsFilesHere ? await store.resolveFile(id, file) : store.openDraft(id).sealedPath(file);
}
