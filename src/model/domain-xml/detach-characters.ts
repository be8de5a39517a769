import type { Element } from '@xmldom/xmldom';
import { attribute, removeElement, removeElements, selectElement, selectElements } from './xml.ts';

/** Character devices whose other end belongs to the domain itself; all others are a host file, port or socket. */
const PRIVATE_TYPES: readonly string[] = ['pty', 'spicevmc', 'qemu-vdagent', 'dbus', 'null', 'vc', 'stdio'];

/** Serial consoles keep their port and get a pty of their own; channels keep it where libvirt can give them a socket of their own. */
export function detachCharacterDevices(domain: Element): string[] {
  const consoles = selectElements('./devices/serial | ./devices/console | ./devices/parallel', domain);
  const channels = selectElements('./devices/channel', domain);
  // a console is often the first serial port once more
  return [...new Set([...consoles.flatMap(detachConsole), ...channels.flatMap(detachChannel)])];
}

function detachConsole(device: Element): string[] {
  removeElements('./log', device);
  device.removeAttribute('tty');
  const type = device.getAttribute('type') ?? 'pty';
  if (PRIVATE_TYPES.includes(type)) {
    forgetPty(device, type);
    return [];
  }
  const peer = describePeer(device, type);
  removeElements('./source | ./protocol', device);
  device.setAttribute('type', 'pty');
  return [`the console's ${peer} (now a pty)`];
}

function detachChannel(channel: Element): string[] {
  removeElements('./log', channel);
  const type = channel.getAttribute('type') ?? 'unix';
  const isVirtio = attribute('./target', 'type', channel) === 'virtio';
  const mode = attribute('./source', 'mode', channel) ?? 'bind';
  if (type === 'unix' && mode === 'bind' && isVirtio) {
    // without a path libvirt gives each domain a socket of its own
    removeElements('./source', channel);
    return [];
  }
  if (PRIVATE_TYPES.includes(type)) {
    forgetPty(channel, type);
    return [];
  }
  const name = attribute('./target', 'name', channel) ?? attribute('./target', 'type', channel) ?? type;
  removeElement(channel);
  return [`channel ${name}`];
}

/** The number of a pty says where the source's was. */
function forgetPty(device: Element, type: string): void {
  if (type === 'pty') removeElements('./source', device);
}

function describePeer(device: Element, type: string): string {
  const source = selectElement('./source', device);
  const path = source?.getAttribute('path') || source?.getAttribute('service');
  return path ? `${type} ${path}` : type;
}
