import { parseXml, rootElement, selectElement, selectElements } from './xml.ts';

/** Folders of a host that hold programs and kernels, and never a guest's or a person's secrets. */
const BOOT_FOLDERS = ['/boot', '/usr', '/opt', '/srv', '/var/lib/libvirt/boot', '/var/lib/libvirt/images'] as const;

const ENTROPY_DEVICES: readonly string[] = ['/dev/urandom', '/dev/random', '/dev/hwrng'];

export interface BootFile {
  readonly path: string;
  /** firmware: part of the host's installation; direct: a kernel, initrd or device tree that the source was started with. */
  readonly kind: 'firmware' | 'direct';
}

/** Host files that a domain only reads, before its own disks: its firmware, or a kernel for direct boot. */
export function listBootFiles(xml: string): BootFile[] {
  const os = selectElement('./os', rootElement(parseXml(xml)));
  if (os === null) return [];
  const direct = selectElements('./kernel | ./initrd | ./dtb', os).map((element) => element.textContent?.trim() ?? '');
  const firmware = [
    ...selectElements('./loader', os).map((element) => element.textContent?.trim() ?? ''),
    ...selectElements('./nvram', os).map((element) => element.getAttribute('template') ?? ''),
  ];
  return [
    ...direct.filter(Boolean).map((path) => ({ path, kind: 'direct' as const })),
    ...firmware.filter(Boolean).map((path) => ({ path, kind: 'firmware' as const })),
  ];
}

export function isBootFilePath(path: string): boolean {
  return BOOT_FOLDERS.some((folder) => isInside(path, folder));
}

export function isEntropyDevice(path: string): boolean {
  return ENTROPY_DEVICES.includes(path);
}

/** Absolute, without detours, and below the folder. */
export function isInside(path: string, folder: string): boolean {
  if (!path.startsWith(`${folder}/`)) return false;
  return path
    .slice(1)
    .split('/')
    .every((segment) => segment !== '' && segment !== '.' && segment !== '..');
}
