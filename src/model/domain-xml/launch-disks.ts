import type { Element } from '@xmldom/xmldom';
import { DarkroomError } from '../errors.ts';
import { appendElement, attribute, ensureElement, removeElement, removeElements, selectElements } from './xml.ts';

export interface LaunchDisk {
  readonly target: string;
  readonly path: string;
  readonly format: 'qcow2' | 'raw';
  /** The image's file below a thin disk; null for a full copy. */
  readonly backing: { readonly path: string; readonly format: 'qcow2' | 'raw' } | null;
}

/** Puts the new disks in the places of the source's, ejects media, and drops the disks that are not in the image. */
export function replaceDisks(domain: Element, disks: readonly LaunchDisk[]): string[] {
  const byTarget = new Map(disks.map((disk) => [disk.target, disk]));
  const dropped: string[] = [];
  for (const element of selectElements('./devices/disk', domain)) {
    const target = attribute('./target', 'dev', element) ?? '';
    const disk = byTarget.get(target);
    if (disk !== undefined) {
      setDiskSource(element, disk);
      byTarget.delete(target);
    } else if (isRemovable(element)) {
      ejectMedium(element);
    } else {
      dropped.push(`disk ${target}`);
      removeElement(element);
    }
  }
  const missing = [...byTarget.keys()];
  if (missing.length > 0) {
    throw new DarkroomError('IMAGE_DAMAGED', `The image's domain XML has no disk ${missing.join(', ')}`);
  }
  return dropped;
}

function isRemovable(disk: Element): boolean {
  return ['cdrom', 'floppy'].includes(disk.getAttribute('device') ?? 'disk');
}

const SOURCE_PARTS = './source | ./backingStore | ./mirror | ./auth | ./encryption';

function ejectMedium(disk: Element): void {
  removeElements(SOURCE_PARTS, disk);
  disk.setAttribute('type', 'file');
}

function setDiskSource(element: Element, disk: LaunchDisk): void {
  removeElements(`${SOURCE_PARTS} | ./transient | ./shareable | ./readonly`, element);
  // what only a passed-through device may have
  for (const name of ['rawio', 'sgio']) element.removeAttribute(name);
  element.setAttribute('type', 'file');
  element.setAttribute('device', 'disk');
  const driver = ensureElement(element, 'driver');
  driver.setAttribute('name', 'qemu');
  driver.setAttribute('type', disk.format);
  appendElement(element, 'source', { file: disk.path });
  if (disk.backing === null) endChain(element);
  else appendBackingStore(element, disk.backing);
}

/** Without relabel='no' libvirt would hand the store's file to the QEMU user for good. */
function appendBackingStore(disk: Element, backing: NonNullable<LaunchDisk['backing']>): void {
  const store = appendElement(disk, 'backingStore', { type: 'file' });
  appendElement(store, 'format', { type: backing.format });
  const source = appendElement(store, 'source', { file: backing.path });
  appendElement(source, 'seclabel', { model: 'dac', relabel: 'no' });
  endChain(store);
}

/** Here the chain ends, whatever a file's own header claims. */
function endChain(parent: Element): void {
  appendElement(parent, 'backingStore');
}
