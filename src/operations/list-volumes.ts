import { mapConcurrently } from '../lib/async.ts';
import { maySeeInstance } from '../model/access.ts';
import { type DomainDisk, describeDomain } from '../model/domain-xml/describe-domain.ts';
import { DarkroomError, hasCode } from '../model/errors.ts';
import type { Volume } from '../model/instance.ts';
import { takePage } from '../model/pages.ts';
import type { DomainInfo } from '../model/ports/hypervisor.ts';
import type { VolumeFilter } from '../model/requests.ts';
import { findInstance } from './steps/find-instance.ts';
import { findVolume } from './steps/snapshot/find-volume.ts';
import { volumeId } from './steps/volume-id.ts';
import type { Core } from './support/context.ts';

const CONCURRENT_READS = 4;

/** The disks of all instances, or of one. CD-ROMs and floppies are no volumes. */
export async function listVolumes(core: Core, filter: VolumeFilter = {}): Promise<readonly Volume[]> {
  const domains =
    filter.instance === undefined ? await core.hypervisor.listDomains() : [await findInstance(core, filter.instance)];
  const volumes = await mapConcurrently(domains, CONCURRENT_READS, (domain) =>
    volumesOf(core, domain).catch((error: unknown) => ignoreGone(error)),
  );
  return takePage(
    volumes.flat().sort((left, right) => compareVolumes(left, right)),
    filter,
  );
}

/** By its id, or as `<instance>/<target>`. VOLUME_NOT_FOUND. */
export async function showVolume(core: Core, reference: string): Promise<Volume> {
  const id = reference.includes('/') ? (await findVolume(core, reference)).id : reference.toLowerCase();
  const volume = (await listVolumes(core)).find((each) => each.id === id);
  if (volume !== undefined) return volume;
  throw new DarkroomError('VOLUME_NOT_FOUND', `No volume has the id ${reference}. darkroom volume list shows them.`, {
    fields: { volumeId: reference },
  });
}

function compareVolumes(left: Volume, right: Volume): number {
  return left.instanceName.localeCompare(right.instanceName) || left.target.localeCompare(right.target);
}

/** A domain that was undefined since it was listed. */
function ignoreGone(error: unknown): Volume[] {
  if (hasCode(error, 'INSTANCE_NOT_FOUND')) return [];
  throw error;
}

async function volumesOf(core: Core, domain: DomainInfo): Promise<Volume[]> {
  const { disks, owner } = describeDomain(await core.hypervisor.getDomainXml(domain.uuid));
  if (!maySeeInstance(core.caller, { owner })) return [];
  const volumes = disks.filter(({ device }) => device === 'disk');
  return Promise.all(volumes.map((disk) => describeVolume(core, domain, disk)));
}

async function describeVolume(core: Core, domain: DomainInfo, disk: DomainDisk): Promise<Volume> {
  return {
    id: volumeId(domain.uuid, disk.target),
    instance: domain.uuid,
    instanceName: domain.name,
    target: disk.target,
    path: disk.path,
    format: disk.path === null ? null : disk.format,
    ...(await readSizes(core, disk)),
  };
}

/** Unknown where the file is gone or of a format that is not ours to read. */
async function readSizes(core: Core, disk: DomainDisk): Promise<Pick<Volume, 'virtualSizeBytes' | 'sizeBytes'>> {
  const unknown = { virtualSizeBytes: null, sizeBytes: null };
  if (disk.path === null) return unknown;
  const stat = await core.files.stat(disk.path);
  if (stat === null) return unknown;
  const sizeBytes = stat.kind === 'block-device' ? stat.sizeBytes : stat.allocatedBytes;
  if (disk.format === 'raw') return { virtualSizeBytes: stat.sizeBytes, sizeBytes };
  if (disk.format !== 'qcow2') return { virtualSizeBytes: null, sizeBytes };
  try {
    const info = await core.diskTool.info({ path: disk.path, format: 'qcow2' });
    return { virtualSizeBytes: info.virtualSizeBytes, sizeBytes };
  } catch (error) {
    core.log.warn({ path: disk.path, error: String(error) }, 'a volume could not be read');
    return { virtualSizeBytes: null, sizeBytes };
  }
}
