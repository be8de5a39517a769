import type { Element } from '@xmldom/xmldom';
import {
  appendElement,
  attribute,
  ensureElement,
  parseXml,
  removeElement,
  removeElements,
  rootElement,
  selectElements,
  serializeXml,
} from './xml.ts';

export interface SnapshotDisk {
  readonly target: string;
  /** The overlay that becomes its top; null: the disk takes no part. */
  readonly overlayPath: string | null;
}

/**
 * A `<domainsnapshot>` that names every disk, so that libvirt picks none by itself
 * (https://libvirt.org/formatsnapshot.html). The overlays exist already (REUSE_EXT).
 */
export function buildSnapshotXml(name: string, disks: readonly SnapshotDisk[]): string {
  const document = parseXml('<domainsnapshot><name/><disks/></domainsnapshot>');
  const [nameElement] = selectElements('/domainsnapshot/name', document);
  const [disksElement] = selectElements('/domainsnapshot/disks', document);
  if (nameElement !== undefined) nameElement.textContent = name;
  for (const disk of disks) {
    const element = document.createElement('disk');
    element.setAttribute('name', disk.target);
    element.setAttribute('snapshot', disk.overlayPath === null ? 'no' : 'external');
    if (disk.overlayPath !== null) appendOverlay(element, disk.overlayPath);
    disksElement?.appendChild(element);
  }
  return serializeXml(document);
}

function appendOverlay(disk: Element, overlayPath: string): void {
  const document = disk.ownerDocument;
  if (document === null) return;
  disk.setAttribute('type', 'file');
  const driver = document.createElement('driver');
  driver.setAttribute('type', 'qcow2');
  const source = document.createElement('source');
  source.setAttribute('file', overlayPath);
  disk.appendChild(driver);
  disk.appendChild(source);
}

/** Current source path of each disk by target. */
export function readDiskPaths(xml: string): ReadonlyMap<string, string> {
  const paths = new Map<string, string>();
  for (const disk of selectElements('./devices/disk', rootElement(parseXml(xml)))) {
    const target = attribute('./target', 'dev', disk);
    const path = attribute('./source', 'file', disk) ?? attribute('./source', 'dev', disk);
    if (target !== null && path !== null) paths.set(target, path);
  }
  return paths;
}

/** True when a file is anywhere in the chains of the disks: on top, below, or as the target of a job. */
export function namesFile(xml: string, file: string): boolean {
  const sources = selectElements('./devices/disk//source', rootElement(parseXml(xml)));
  return sources.some((source) => source.getAttribute('file') === file);
}

/**
 * `currentXml` with the `<disk>` elements of `targets` as they stand in `savedXml`; everything else stays, so that an
 * edit made in between is kept.
 */
export function restoreDiskElements(currentXml: string, savedXml: string, targets: readonly string[]): string {
  const document = parseXml(currentXml);
  const saved = indexDisks(rootElement(parseXml(savedXml)));
  for (const [target, disk] of indexDisks(rootElement(document))) {
    const original = saved.get(target);
    if (original === undefined || !targets.includes(target)) continue;
    disk.parentNode?.insertBefore(document.importNode(original, true), disk);
    removeElement(disk);
  }
  return serializeXml(document);
}

/** The XML with other files or devices as the sources of some disks, for a definition of which no copy was kept. */
export function replaceDiskSources(
  xml: string,
  disks: readonly {
    readonly target: string;
    readonly path: string;
    readonly format: string;
    readonly isBlockDevice: boolean;
  }[],
): string {
  const document = parseXml(xml);
  const elements = indexDisks(rootElement(document));
  for (const disk of disks) {
    const element = elements.get(disk.target);
    if (element === undefined) continue;
    removeElements('./source | ./backingStore | ./mirror', element);
    element.setAttribute('type', disk.isBlockDevice ? 'block' : 'file');
    appendElement(element, 'source', { [disk.isBlockDevice ? 'dev' : 'file']: disk.path });
    ensureElement(element, 'driver').setAttribute('type', disk.format);
  }
  return serializeXml(document);
}

function indexDisks(domain: Element): Map<string, Element> {
  const disks = new Map<string, Element>();
  for (const disk of selectElements('./devices/disk', domain)) {
    const target = attribute('./target', 'dev', disk);
    if (target !== null) disks.set(target, disk);
  }
  return disks;
}
