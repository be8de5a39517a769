import { attribute, parseXml, selectElements } from '../../../src/model/domain-xml/xml.ts';
import { type DomainRef, dumpXml } from './virsh.ts';

/** Paths of each disk's chain by target, from the top to the base, as libvirt's running XML has them. */
export async function readDiskChains(domain: DomainRef): Promise<Readonly<Record<string, readonly string[]>>> {
  const disks = selectElements("/domain/devices/disk[@device='disk']", parseXml(await dumpXml(domain)));
  return Object.fromEntries(
    disks.map((disk) => [
      attribute('./target', 'dev', disk) ?? '',
      // of the disk, of its nested backing stores, and of a mirror where a job is left
      selectElements('.//source', disk).map(
        (source) => source.getAttribute('file') ?? source.getAttribute('dev') ?? '',
      ),
    ]),
  );
}
