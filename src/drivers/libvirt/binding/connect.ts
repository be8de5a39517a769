import { checked, orThrow } from './last-error.ts';
import { declareFunctions, type Out, type Pointer, takePointers } from './library.ts';

interface Native {
  open(uri: string): Pointer | null;
  close(connection: Pointer): number;
  isAlive(connection: Pointer): number;
  setKeepAlive(connection: Pointer, intervalSeconds: number, count: number): number;
  getCapabilities(connection: Pointer): string | null;
  getType(connection: Pointer): string | null;
  getLibVersion(connection: Pointer, version: Out<number>): number;
  getVersion(connection: Pointer, version: Out<number>): number;
  listAllDomains(connection: Pointer, domains: Out<Pointer>, flags: number): number;
  listAllNetworks(connection: Pointer, networks: Out<Pointer>, flags: number): number;
}

const native = declareFunctions(
  (library): Native => ({
    open: library.func('void *virConnectOpen(const char *uri)'),
    close: library.func('int virConnectClose(void *connection)'),
    isAlive: library.func('int virConnectIsAlive(void *connection)'),
    setKeepAlive: library.func('int virConnectSetKeepAlive(void *connection, int interval, uint count)'),
    getCapabilities: library.func('HeapString virConnectGetCapabilities(void *connection)'),
    getType: library.func('const char *virConnectGetType(void *connection)'),
    getLibVersion: library.func('int virConnectGetLibVersion(void *connection, _Out_ ulong *version)'),
    getVersion: library.func('int virConnectGetVersion(void *connection, _Out_ ulong *version)'),
    listAllDomains: library.func('int virConnectListAllDomains(void *connection, _Out_ void **domains, uint flags)'),
    listAllNetworks: library.func('int virConnectListAllNetworks(void *connection, _Out_ void **networks, uint flags)'),
  }),
);

/** https://libvirt.org/html/libvirt-libvirt-domain.html#virConnectListAllDomainsFlags */
export const LIST_DOMAINS = {
  transient: 1 << 3,
  running: 1 << 4,
  paused: 1 << 5,
  shutoff: 1 << 6,
  managedSave: 1 << 8,
  autostart: 1 << 10,
} as const;

/**
 * Opens a connection; `close` it. Blocks until the daemon answers, without limit.
 * https://libvirt.org/html/libvirt-libvirt-host.html#virConnectOpen
 */
export function open(uri: string): Pointer {
  return orThrow('virConnectOpen', native().open(uri));
}

/**
 * Gives the connection back; returns how many others still hold it.
 * https://libvirt.org/html/libvirt-libvirt-host.html#virConnectClose
 */
export function close(connection: Pointer): number {
  return checked('virConnectClose', native().close(connection));
}

/**
 * False once the daemon is known to be gone. Without an event loop that is known only after a call has failed.
 * https://libvirt.org/html/libvirt-libvirt-host.html#virConnectIsAlive
 */
export function isAlive(connection: Pointer): boolean {
  return native().isAlive(connection) === 1;
}

/**
 * Asks the daemon every `intervalSeconds` for a sign of life, gives the connection up after `count` in vain; returns
 * false where that is not to be had: no event loop runs, the driver needs no daemon, or the daemon is too old.
 * https://libvirt.org/html/libvirt-libvirt-host.html#virConnectSetKeepAlive
 */
export function setKeepAlive(connection: Pointer, options: { intervalSeconds: number; count: number }): boolean {
  return native().setKeepAlive(connection, options.intervalSeconds, options.count) === 0;
}

/** XML of what host and hypervisor can do. https://libvirt.org/html/libvirt-libvirt-host.html#virConnectGetCapabilities */
export function getCapabilities(connection: Pointer): string {
  return orThrow('virConnectGetCapabilities', native().getCapabilities(connection));
}

/** Name of the driver: QEMU, TEST. https://libvirt.org/html/libvirt-libvirt-host.html#virConnectGetType */
export function getType(connection: Pointer): string {
  return orThrow('virConnectGetType', native().getType(connection));
}

/**
 * Version of the daemon's libvirt: major * 1,000,000 + minor * 1,000 + release.
 * https://libvirt.org/html/libvirt-libvirt-host.html#virConnectGetLibVersion
 */
export function getLibVersion(connection: Pointer): number {
  const version: Out<number> = [null];
  checked('virConnectGetLibVersion', native().getLibVersion(connection, version));
  return version[0] ?? 0;
}

/**
 * Version of the hypervisor, coded as in getLibVersion; 0 where there is none.
 * https://libvirt.org/html/libvirt-libvirt-host.html#virConnectGetVersion
 */
export function getVersion(connection: Pointer): number {
  const version: Out<number> = [null];
  checked('virConnectGetVersion', native().getVersion(connection, version));
  return version[0] ?? 0;
}

/**
 * All domains that pass the filters in `flags` (0: all); each to be freed with virDomainFree.
 * https://libvirt.org/html/libvirt-libvirt-domain.html#virConnectListAllDomains
 */
export function listAllDomains(connection: Pointer, flags: number): Pointer[] {
  const domains: Out<Pointer> = [null];
  const count = checked('virConnectListAllDomains', native().listAllDomains(connection, domains, flags));
  return takePointers(domains[0], count);
}

/**
 * All networks that pass the filters in `flags` (0: all); each to be freed with virNetworkFree.
 * https://libvirt.org/html/libvirt-libvirt-network.html#virConnectListAllNetworks
 */
export function listAllNetworks(connection: Pointer, flags: number): Pointer[] {
  const networks: Out<Pointer> = [null];
  const count = checked('virConnectListAllNetworks', native().listAllNetworks(connection, networks, flags));
  return takePointers(networks[0], count);
}
