import { checked, orThrow } from './last-error.ts';
import { declareFunctions, type Pointer } from './library.ts';

interface Native {
  lookupByName(connection: Pointer, name: string): Pointer | null;
  free(network: Pointer): number;
  getName(network: Pointer): string | null;
  isActive(network: Pointer): number;
  create(network: Pointer): number;
}

const native = declareFunctions(
  (library): Native => ({
    lookupByName: library.func('void *virNetworkLookupByName(void *connection, const char *name)'),
    free: library.func('int virNetworkFree(void *network)'),
    getName: library.func('const char *virNetworkGetName(void *network)'),
    isActive: library.func('int virNetworkIsActive(void *network)'),
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

/** Starts a defined network. https://libvirt.org/html/libvirt-libvirt-network.html#virNetworkCreate */
export function create(network: Pointer): void {
  checked('virNetworkCreate', native().create(network));
}
