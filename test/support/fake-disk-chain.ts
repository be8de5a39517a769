import type { Element } from '@xmldom/xmldom';
import {
  appendElement,
  attribute,
  ensureElement,
  parseXml,
  removeElement,
  removeElements,
  rootElement,
  selectElement,
  selectElements,
  serializeXml,
} from '../../src/model/domain-xml/xml.ts';

/** The XML after an external snapshot of one disk: its old source is the backing store of the overlay. */
export function moveToOverlay(xml: string, change: { readonly target: string; readonly overlay: string }): string {
  return editDisk(xml, change.target, (disk) => {
    const type = disk.getAttribute('type') ?? 'file';
    const source = selectElement('./source', disk);
    const below = selectElement('./backingStore', disk);
    const store = appendElement(disk, 'backingStore', { type });
    appendElement(store, 'format', { type: attribute('./driver', 'type', disk) ?? 'raw' });
    if (source !== null) store.appendChild(source);
    store.appendChild(below ?? disk.ownerDocument?.createElement('backingStore') ?? store.cloneNode(false));
    disk.setAttribute('type', 'file');
    ensureElement(disk, 'driver').setAttribute('type', 'qcow2');
    appendElement(disk, 'source', { file: change.overlay });
  });
}

/** The XML after the pivot of an active commit: the backing store has taken the overlay's place. */
export function moveToBase(xml: string, change: { readonly target: string }): string {
  return editDisk(xml, change.target, (disk) => {
    const store = selectElement('./backingStore', disk);
    const source = selectElement('./backingStore/source', disk);
    if (store === null || source === null) return;
    removeElements('./source', disk);
    disk.setAttribute('type', store.getAttribute('type') ?? 'file');
    ensureElement(disk, 'driver').setAttribute('type', attribute('./format', 'type', store) ?? 'raw');
    disk.appendChild(source);
    const below = selectElement('./backingStore', store);
    removeElement(store);
    if (below?.hasChildNodes() === true) disk.appendChild(below);
  });
}

function editDisk(xml: string, target: string, edit: (disk: Element) => void): string {
  const document = parseXml(xml);
  for (const disk of selectElements('./devices/disk', rootElement(document))) {
    if (attribute('./target', 'dev', disk) === target) edit(disk);
  }
  return serializeXml(document);
}
