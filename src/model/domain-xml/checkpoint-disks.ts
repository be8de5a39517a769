import { parseXml, removeElement, rootElement, selectElements, serializeXml } from './xml.ts';

/** A `<domaincheckpoint>` that the disk takes no part in any more (https://libvirt.org/formatcheckpoint.html). */
export function withoutCheckpointDisk(checkpointXml: string, target: string): string {
  const document = parseXml(checkpointXml);
  for (const disk of selectElements('./disks/disk', rootElement(document))) {
    if (disk.getAttribute('name') !== target) continue;
    for (const { name } of [...disk.attributes]) if (name !== 'name') disk.removeAttribute(name);
    for (const child of selectElements('./*', disk)) removeElement(child);
    disk.setAttribute('checkpoint', 'no');
  }
  return serializeXml(document);
}
