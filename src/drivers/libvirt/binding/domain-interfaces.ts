import koffi from 'koffi';
import { checked } from './last-error.ts';
import { declareFunctions, type Out, type Pointer, takePointers } from './library.ts';

/** https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainInterfaceAddressesSource */
export const ADDRESS_SOURCE = { lease: 0, agent: 1, arp: 2 } as const;

export interface InterfaceAddress {
  readonly addr: string;
  readonly prefix: number;
}

/** https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainInterface */
export interface DomainInterface {
  readonly name: string;
  readonly hwaddr: string | null;
  readonly addrs: readonly InterfaceAddress[];
}

interface InterfaceRecord {
  readonly name: string;
  readonly hwaddr: string | null;
  readonly naddrs: number;
  readonly addrs: Pointer | null;
}

interface Native {
  interfaceAddresses(domain: Pointer, interfaces: Out<Pointer>, source: number, flags: number): number;
  interfaceFree(entry: Pointer): void;
}

const native = declareFunctions((library): Native => {
  koffi.struct('virDomainInterface', { name: 'str', hwaddr: 'str', naddrs: 'uint', addrs: 'void *' });
  koffi.struct('virDomainIPAddress', { type: 'int', addr: 'str', prefix: 'uint' });
  return {
    interfaceAddresses: library.func(
      'int virDomainInterfaceAddresses(void *domain, _Out_ void **interfaces, uint source, uint flags)',
    ),
    interfaceFree: library.func('void virDomainInterfaceFree(void *interface)'),
  };
});

/**
 * The running guest's interfaces with their addresses, as `source` (ADDRESS_SOURCE) knows them.
 * https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainInterfaceAddresses
 */
export function interfaceAddresses(domain: Pointer, source: number): DomainInterface[] {
  const interfaces: Out<Pointer> = [null];
  const count = checked('virDomainInterfaceAddresses', native().interfaceAddresses(domain, interfaces, source, 0));
  const entries = takePointers(interfaces[0], count);
  try {
    return entries.map(decodeInterface);
  } finally {
    for (const entry of entries) native().interfaceFree(entry);
  }
}

function decodeInterface(entry: Pointer): DomainInterface {
  const { name, hwaddr, naddrs, addrs }: InterfaceRecord = koffi.decode(entry, 'virDomainInterface');
  return { name, hwaddr, addrs: decodeAddresses(addrs, naddrs) };
}

function decodeAddresses(addresses: Pointer | null, count: number): InterfaceAddress[] {
  if (addresses === null || count === 0) return [];
  const decoded: InterfaceAddress[] = koffi.decode(addresses, koffi.array('virDomainIPAddress', count));
  return decoded.map(({ addr, prefix }) => ({ addr, prefix }));
}
