import { parseXml, rootElement, selectElements, serializeXml } from '../../model/domain-xml/xml.ts';
import type { NetworkReservation } from '../../model/shelved-instance.ts';

/**
 * The addresses that a network's DHCP server keeps for a MAC; hosts known by a name or a client id alone are left out.
 * https://libvirt.org/formatnetwork.html#addressing
 */
export function readReservations(network: string, networkXml: string): NetworkReservation[] {
  const hosts = selectElements('./ip/dhcp/host[@mac and @ip]', rootElement(parseXml(networkXml)));
  return hosts.map((host) => ({
    network,
    mac: (host.getAttribute('mac') ?? '').toLowerCase(),
    address: host.getAttribute('ip') ?? '',
    name: host.getAttribute('name'),
  }));
}

/** The `<host>` of a reservation. https://libvirt.org/formatnetwork.html#addressing */
export function writeReservation({ mac, address, name }: NetworkReservation): string {
  const document = parseXml('<host/>');
  const host = rootElement(document);
  host.setAttribute('mac', mac);
  host.setAttribute('ip', address);
  if (name !== null) host.setAttribute('name', name);
  return serializeXml(document);
}
