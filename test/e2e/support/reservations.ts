import { tryCommand } from './run-command.ts';
import type { TestNetwork } from './test-network.ts';
import { type DomainRef, dumpXml, SYSTEM_URI, virsh } from './virsh.ts';

/** MAC of its first interface. */
export async function macOf(domain: DomainRef): Promise<string> {
  return /<mac address='([^']+)'/.exec(await dumpXml(domain, { isInactive: true }))?.[1] ?? '';
}

/** Holds an address of the network for a MAC, by libvirt's DHCP server (https://libvirt.org/formatnetwork.html). */
export async function reserveAddress(network: TestNetwork, mac: string, lastByte: number): Promise<string> {
  const address = network.gateway.replace(/\d+$/, String(lastByte));
  await virsh(SYSTEM_URI, [
    'net-update',
    network.name,
    'add',
    'ip-dhcp-host',
    hostXml(mac, address),
    '--live',
    '--config',
  ]);
  return address;
}

/** Gives the address back; no error when it is not held. */
export async function dropReservation(network: TestNetwork, mac: string, address: string): Promise<void> {
  const args = ['net-update', network.name, 'delete', 'ip-dhcp-host', hostXml(mac, address), '--live', '--config'];
  await tryCommand('virsh', ['-q', '-c', SYSTEM_URI, ...args]);
}

/** Addresses that the network, as it runs, holds for a MAC. */
export async function reservedAddresses(network: string, mac: string, uri = SYSTEM_URI): Promise<readonly string[]> {
  const xml = await virsh(uri, ['net-dumpxml', network]);
  const hosts = [...xml.matchAll(/<host ([^>]*)\/>/g)].map((match) => match[1] ?? '');
  return hosts.filter((host) => host.includes(mac)).map((host) => /ip='([^']+)'/.exec(host)?.[1] ?? '');
}

function hostXml(mac: string, address: string): string {
  return `<host mac='${mac}' ip='${address}'/>`;
}
