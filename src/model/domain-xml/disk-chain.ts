import type { Element } from '@xmldom/xmldom';
import {
  appendElement,
  attribute,
  parseXml,
  removeElements,
  rootElement,
  selectElement,
  selectElements,
  serializeXml,
} from './xml.ts';

/** Whether the XML states which files lie below that disk: libvirt then believes it, and not the file's own header. */
export function statesBackingChain(xml: string, target: string): boolean {
  const disk = findDisk(rootElement(parseXml(xml)), target);
  return disk !== null && selectElement('./backingStore/*', disk) !== null;
}

/** libvirt shall look for the chain in the file's header. */
export function forgetBackingChain(xml: string, target: string): string {
  return edit(xml, target, (disk) => removeElements('./backingStore', disk));
}

/** The disk stands alone, whatever a file's header claims. */
export function endBackingChain(xml: string, target: string): string {
  return edit(xml, target, (disk) => {
    removeElements('./backingStore', disk);
    appendElement(disk, 'backingStore');
  });
}

function edit(xml: string, target: string, change: (disk: Element) => void): string {
  const document = parseXml(xml);
  const disk = findDisk(rootElement(document), target);
  if (disk !== null) change(disk);
  return serializeXml(document);
}

function findDisk(domain: Element, target: string): Element | null {
  const disks = selectElements('./devices/disk', domain);
  return disks.find((disk) => attribute('./target', 'dev', disk) === target) ?? null;
}
