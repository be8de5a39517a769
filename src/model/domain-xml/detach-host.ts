import type { Element } from '@xmldom/xmldom';
import { detachCharacterDevices } from './detach-characters.ts';
import { detachDisplays } from './detach-displays.ts';
import { isEntropyDevice } from './host-paths.ts';
import { removeElement, removeElements, selectElement, selectElements, text } from './xml.ts';

/** Elements that tie a domain to its host or to host files of its source, with the word that people know them by. */
const DROPPED: readonly (readonly [path: string, what: string])[] = [
  ['./devices/hostdev', 'host device'],
  ["./devices/interface[@type='hostdev']", 'host network device'],
  ['./devices/filesystem', 'shared folder'],
  ['./devices/shmem', 'shared memory device'],
  ["./devices/memory[@model='nvdimm' or @model='virtio-pmem' or @model='sgx-epc']", 'host-backed memory device'],
  ['./devices/lease', 'lock lease'],
  ["./devices/input[@type='passthrough' or @type='evdev']", 'host input device'],
  ["./devices/redirdev[not(@type='spicevmc')]", 'USB redirection'],
  ["./devices/smartcard[not(@mode='passthrough' and @type='spicevmc')]", 'smart card'],
  ["./devices/rng[backend/@model='egd']", 'entropy daemon'],
  ["./devices/tpm[not(backend/@type='emulator')]", 'host TPM'],
  ['./devices/tpm/backend/encryption', 'encryption of the TPM state'],
  ['./devices/pstore', 'persistent store file'],
  ['./memoryBacking/hugepages', 'huge pages'],
  ['./numatune', 'NUMA placement'],
  ['./cputune/vcpupin', 'vCPU pinning'],
  ['./cputune/emulatorpin', 'emulator pinning'],
  ['./cputune/iothreadpin', 'I/O thread pinning'],
  ['./cputune/cachetune', 'cache partition'],
  ['./cputune/memorytune', 'memory bandwidth partition'],
  ['./blkiotune/device', 'host block device weight'],
  ["./resource[not(normalize-space(partition)='/machine')]", 'resource partition'],
  ['./launchSecurity', 'launch security'],
  ['./seclabel', 'security label'],
  ['./os/acpi', 'ACPI table file'],
  ["./sysinfo[@type='fwcfg']/entry[@file]", 'firmware configuration file'],
  ["./*[namespace-uri()!='']", 'hypervisor-specific setting'],
];

/** What goes without a word: it says nothing to the guest, or the host puts its own in its place. */
const FORGOTTEN = [
  './resource',
  './devices/emulator',
  './devices/tpm/backend/source',
  './devices/memory/source',
  './devices//*[namespace-uri()!=""]',
] as const;

/**
 * Removes from a domain everything that it would share with its source: host devices, pinning, files and sockets of
 * serial consoles and channels, fixed ports. Returns what was dropped, for the operator.
 */
export function detachFromHost(domain: Element): string[] {
  const dropped: string[] = [];
  for (const [path, what] of DROPPED) {
    const count = removeElements(path, domain);
    if (count > 0) dropped.push(count === 1 ? what : `${count} × ${what}`);
  }
  for (const path of FORGOTTEN) removeElements(path, domain);
  const vcpu = selectElement('./vcpu', domain);
  vcpu?.removeAttribute('cpuset');
  // `auto` asks the host's numad for a place
  vcpu?.removeAttribute('placement');
  return [
    ...dropped,
    ...detachCharacterDevices(domain),
    ...detachDisplays(domain),
    ...detachRoms(domain),
    ...detachEntropy(domain),
  ];
}

function detachRoms(domain: Element): string[] {
  const roms = selectElements('./devices/*/rom[@file]', domain);
  for (const rom of roms) removeElement(rom);
  return roms.length === 0 ? [] : ['option ROM file'];
}

/** Any other file would be read to the guest as if it were noise. */
function detachEntropy(domain: Element): string[] {
  const dropped: string[] = [];
  for (const backend of selectElements("./devices/rng/backend[@model='random']", domain)) {
    const source = text('.', backend) ?? '';
    if (source === '' || isEntropyDevice(source)) continue;
    backend.textContent = '/dev/urandom';
    dropped.push(`entropy from ${source} (now /dev/urandom)`);
  }
  return dropped;
}
