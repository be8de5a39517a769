import { checked, orThrow } from './last-error.ts';
import { declareFunctions, type Pointer } from './library.ts';

/** https://libvirt.org/html/libvirt-libvirt-network.html#virNetworkXMLFlags */
export const NETWORK_XML = { inactive: 1 << 0 } as const;

/** https://libvirt.org/html/libvirt-libvirt-network.html#virNetworkUpdateCommand */
export const UPDATE_COMMAND = { addLast: 3 } as const;

/** https://libvirt.org/html/libvirt-libvirt-network.html#virNetworkUpdateSection */
export const UPDATE_SECTION = { ipDhcpHost: 4 } as const;

/** https://libvirt.org/html/libvirt-libvirt-network.html#virNetworkUpdateFlags */
export const UPDATE_AFFECT = { live: 1 << 0, config: 1 << 1 } as const;

/** One change of a part of a network. */
export interface NetworkUpdate {
  /** UPDATE_COMMAND. */
  readonly command: number;
  /** UPDATE_SECTION. */
  readonly section: number;
  /** Which parent of the section, counted from 0; -1: libvirt chooses, such as the <ip> that has a DHCP server. */
  readonly parentIndex: number;
  readonly xml: string;
  /** UPDATE_AFFECT. */
  readonly flags: number;
}

interface Native {
  lookupByName(connection: Pointer, name: string): Pointer | null;
  free(network: Pointer): number;
  getName(network: Pointer): string | null;
  isActive(network: Pointer): number;
  isPersistent(network: Pointer): number;
  getXMLDesc(network: Pointer, flags: number): string | null;
  update(...args: [Pointer, command: number, section: number, parentIndex: number, xml: string, flags: number]): number;
  create(network: Pointer): number;
}

const native = declareFunctions(
  (library): Native => ({
    lookupByName: library.func('void *virNetworkLookupByName(void *connection, const char *name)'),
    free: library.func('int virNetworkFree(void *network)'),
    getName: library.func('const char *virNetworkGetName(void *network)'),
    isActive: library.func('int virNetworkIsActive(void *network)'),
    isPersistent: library.func('int virNetworkIsPersistent(void *network)'),
    getXMLDesc: library.func('HeapString virNetworkGetXMLDesc(void *network, uint flags)'),
    update: library.func(
      'int virNetworkUpdate(void *network, uint command, uint section, int parentIndex, const char *xml, uint flags)',
    ),
    create: library.func('int virNetworkCreate(void *network)'),
  }),
);

/**
 * The network of this name; `free` it. Fails with VIR_ERR_NO_NETWORK.
 * https://libvirt.org/html/libvirt-libvirt-network.html#virNetworkLookupByName
 */
export function lookupByName(connection: Pointer, name: string): Pointer {
  return orThrow('virNetworkLookupByName', native().lookupByName(connection, name));
}

/** https://libvirt.org/html/libvirt-libvirt-network.html#virNetworkFree */
export function free(network: Pointer): void {
  checked('virNetworkFree', native().free(network));
}

/** Asks nobody. https://libvirt.org/html/libvirt-libvirt-network.html#virNetworkGetName */
export function getName(network: Pointer): string {
  return orThrow('virNetworkGetName', native().getName(network));
}

/** https://libvirt.org/html/libvirt-libvirt-network.html#virNetworkIsActive */
export function isActive(network: Pointer): boolean {
  return checked('virNetworkIsActive', native().isActive(network)) === 1;
}

/** https://libvirt.org/html/libvirt-libvirt-network.html#virNetworkIsPersistent */
export function isPersistent(network: Pointer): boolean {
  return checked('virNetworkIsPersistent', native().isPersistent(network)) === 1;
}

/**
 * Its XML: of the running network, or as `flags` (NETWORK_XML) say.
 * https://libvirt.org/html/libvirt-libvirt-network.html#virNetworkGetXMLDesc
 */
export function getXMLDesc(network: Pointer, flags: number): string {
  return orThrow('virNetworkGetXMLDesc', native().getXMLDesc(network, flags));
}

/**
 * Changes a part of the definition, of the running network, or of both; none when one of them refuses. Command and section
 * crossed the wire in the wrong order before libvirt 7.2; the library finds out what the daemon expects.
 * https://libvirt.org/html/libvirt-libvirt-network.html#virNetworkUpdate
 */
export function update(network: Pointer, { command, section, parentIndex, xml, flags }: NetworkUpdate): void {
  checked('virNetworkUpdate', native().update(network, command, section, parentIndex, xml, flags));
}

/** Starts a defined network. https://libvirt.org/html/libvirt-libvirt-network.html#virNetworkCreate */
export function create(network: Pointer): void {
  checked('virNetworkCreate', native().create(network));
}
