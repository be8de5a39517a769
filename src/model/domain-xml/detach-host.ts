import type { Element } from '@xmldom/xmldom';
import { appendElement, attribute, removeElement, removeElements, selectElement, selectElements } from './xml.ts';

/** Elements that tie a domain to its host or to host files of its source, with the word that people know them by. */
const DROPPED: readonly (readonly [path: string, what: string])[] = [
  ['./devices/hostdev', 'host device'],
  ["./devices/interface[@type='hostdev']", 'host network device'],
  ['./devices/filesystem', 'shared folder'],
  ['./devices/shmem', 'shared memory device'],
  ["./devices/memory[@model='nvdimm' or @model='virtio-pmem']", 'host-backed memory device'],
  ['./devices/lease', 'lock lease'],
  ["./devices/input[@type='passthrough' or @type='evdev']", 'host input device'],
  ["./devices/redirdev[not(@type='spicevmc')]", 'USB redirection'],
  ["./devices/smartcard[not(@mode='passthrough' and @type='spicevmc')]", 'smart card'],
  ["./devices/rng[backend/@model='egd']", 'entropy daemon'],
  ["./devices/tpm[backend/@type='passthrough']", 'host TPM'],
  ['./memoryBacking/hugepages', 'huge pages'],
  ['./numatune', 'NUMA placement'],
  ['./cputune/vcpupin', 'vCPU pinning'],
  ['./cputune/emulatorpin', 'emulator pinning'],
  ['./cputune/iothreadpin', 'I/O thread pinning'],
  ['./cputune/cachetune', 'cache partition'],
  ['./cputune/memorytune', 'memory bandwidth partition'],
  ['./blkiotune/device', 'host block device weight'],
  ['./launchSecurity', 'launch security'],
  ['./seclabel', 'security label'],
  [
    "./*[local-name()='commandline' and contains(namespace-uri(), 'libvirt.org/schemas/domain/qemu')]",
    'QEMU arguments',
  ],
];

/** Character devices that own a host file, port or socket. spicevmc, dbus and pty belong to the domain itself. */
const PRIVATE_CHARACTER_TYPES = new Set(['pty', 'spicevmc', 'qemu-vdagent', 'null', 'vc', 'stdio']);

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
  selectElement('./vcpu', domain)?.removeAttribute('cpuset');
  for (const vcpus of selectElements('./devices/emulator', domain)) removeElement(vcpus);
  dropped.push(...detachCharacterDevices(domain), ...detachChannels(domain));
  detachGraphics(domain);
  return dropped;
}

function detachCharacterDevices(domain: Element): string[] {
  const dropped: string[] = [];
  for (const device of selectElements('./devices/serial | ./devices/console | ./devices/parallel', domain)) {
    removeElements('./log', device);
    const type = device.getAttribute('type') ?? 'pty';
    if (PRIVATE_CHARACTER_TYPES.has(type)) {
      removeElements('./source', device);
      device.removeAttribute('tty');
      continue;
    }
    // the port stays, so that the guest's console does: only its other end becomes a pty
    const target = attribute('./source', 'path', device) ?? type;
    removeElements('./source | ./protocol', device);
    device.setAttribute('type', 'pty');
    dropped.push(`${device.tagName} on ${target} (now a pty)`);
  }
  return dropped;
}

function detachChannels(domain: Element): string[] {
  const dropped: string[] = [];
  for (const channel of selectElements('./devices/channel', domain)) {
    removeElements('./log', channel);
    const type = channel.getAttribute('type') ?? 'unix';
    const mode = attribute('./source', 'mode', channel) ?? 'bind';
    if (type === 'unix' && mode === 'bind') {
      // without a path libvirt gives each domain a socket of its own
      removeElements('./source', channel);
      continue;
    }
    if (PRIVATE_CHARACTER_TYPES.has(type)) {
      removeElements('./source', channel);
      continue;
    }
    dropped.push(`channel ${attribute('./target', 'name', channel) ?? type}`);
    removeElement(channel);
  }
  return dropped;
}

function detachGraphics(domain: Element): void {
  for (const graphics of selectElements('./devices/graphics', domain)) {
    for (const name of ['port', 'tlsPort', 'websocket', 'socket']) graphics.removeAttribute(name);
    const type = graphics.getAttribute('type');
    if (type === 'vnc' || type === 'spice' || type === 'rdp') graphics.setAttribute('autoport', 'yes');
    for (const listen of selectElements("./listen[@type='socket']", graphics)) {
      removeElement(listen);
      if (type === 'spice') graphics.setAttribute('autoport', 'no');
      appendElement(graphics, 'listen', { type: 'none' });
    }
  }
}
