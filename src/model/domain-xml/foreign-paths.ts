import type { Element } from '@xmldom/xmldom';
import { isBootFilePath, isEntropyDevice, isInside } from './host-paths.ts';
import { parseXml, rootElement, selectElements } from './xml.ts';

export interface OwnPaths {
  /** Folders that belong to the domain alone. */
  readonly folders: readonly string[];
  /** Single files beyond them, such as the image's disks. */
  readonly files: readonly string[];
}

export interface ForeignPath {
  /** Where it stands: `rng/backend`, `source@file`. */
  readonly place: string;
  readonly path: string;
}

/** Text that no hypervisor takes for a path, whatever it holds. */
const PROSE: readonly string[] = [
  'domain/name',
  'domain/title',
  'domain/description',
  'os/cmdline',
  'disk/serial',
  'disk/vendor',
  'disk/product',
  'disk/wwn',
];
const PROSE_ATTRIBUTES: readonly string[] = ['clock@timezone', 'parameter@value', 'parameter@name'];

/** Text that is a path even without a slash, taken from libvirt's schema of domains. */
const PATH_TEXT: readonly string[] = [
  'os/loader',
  'os/nvram',
  'os/kernel',
  'os/initrd',
  'os/dtb',
  'os/init',
  'os/initdir',
  'os/root',
  'os/shim',
  'acpi/table',
  'domain/bootloader',
  'devices/emulator',
  'rng/backend',
  'resource/partition',
  'device/path',
  'source/path',
  'pstore/path',
  'smartcard/database',
  'source/block',
  'source/char',
];
const PATH_ATTRIBUTES: readonly string[] = [
  'file',
  'dir',
  'path',
  'socket',
  'template',
  'rendernode',
  'tty',
  'tap',
  'vhost',
  'logFile',
  'evdev',
  'xauth',
];
const BOOT_PLACES: readonly string[] = ['os/loader', 'os/kernel', 'os/initrd', 'os/dtb', 'nvram@template'];

/**
 * The last rule of a launch: every host path in a domain's XML that is neither its own, nor firmware or a kernel in the
 * folders for those, nor a source of entropy. Whatever looks like a path counts, known place or not.
 */
export function findForeignPaths(xml: string, own: OwnPaths): ForeignPath[] {
  const domain = rootElement(parseXml(xml));
  const elements = selectElements('descendant-or-self::*[not(ancestor-or-self::metadata[parent::domain])]', domain);
  return elements.flatMap(listPaths).filter((found) => !isAllowed(found, own));
}

function listPaths(element: Element): ForeignPath[] {
  const paths: ForeignPath[] = [];
  const place = `${element.parentElement?.tagName ?? ''}/${element.tagName}`;
  const text = ownText(element);
  if (text !== '' && isPathText(place, text, element)) paths.push({ place, path: text });
  for (const { name, value } of element.attributes) {
    const where = `${element.tagName}@${name}`;
    if (value !== '' && isPathAttribute(where, name, value)) paths.push({ place: where, path: value });
  }
  return paths;
}

function isPathText(place: string, text: string, element: Element): boolean {
  if (PROSE.includes(place) || isSmbiosText(element)) return false;
  if (place === 'rng/backend') return element.getAttribute('model') === 'random';
  return PATH_TEXT.includes(place) || text.includes('/');
}

/** What the guest's firmware tables say of the machine. */
function isSmbiosText(element: Element): boolean {
  return element.tagName === 'entry' && !element.hasAttribute('file');
}

function isPathAttribute(where: string, name: string, value: string): boolean {
  if (PROSE_ATTRIBUTES.includes(where) || name === 'xmlns' || name.startsWith('xmlns:')) return false;
  return PATH_ATTRIBUTES.includes(name) || value.includes('/');
}

function ownText(element: Element): string {
  const texts = [...element.childNodes].filter((node) => node.nodeType === 3 || node.nodeType === 4);
  return texts
    .map((node) => node.nodeValue ?? '')
    .join('')
    .trim();
}

function isAllowed({ place, path }: ForeignPath, own: OwnPaths): boolean {
  if (own.files.includes(path) || own.folders.some((folder) => isInside(path, folder))) return true;
  if (BOOT_PLACES.includes(place)) return isBootFilePath(path);
  return place === 'rng/backend' && isEntropyDevice(path);
}
