import koffi from 'koffi';
import { checked, orThrow } from './last-error.ts';
import { declareFunctions, type Out, type Pointer } from './library.ts';

/** https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainXMLFlags */
export const XML_DESC = { secure: 1 << 0, inactive: 1 << 1 } as const;

/** https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainInfo */
export interface DomainInfo {
  /** virDomainState. */
  readonly state: number;
  readonly maxMemKiB: number;
  readonly memoryKiB: number;
  readonly nrVirtCpu: number;
}

interface Native {
  lookupByUUIDString(connection: Pointer, uuid: string): Pointer | null;
  defineXML(connection: Pointer, xml: string): Pointer | null;
  free(domain: Pointer): number;
  getUUIDString(domain: Pointer, buffer: Buffer): number;
  getName(domain: Pointer): string | null;
  getXMLDesc(domain: Pointer, flags: number): string | null;
  getInfo(domain: Pointer, info: Partial<DomainInfo>): number;
  isActive(domain: Pointer): number;
  isPersistent(domain: Pointer): number;
  getAutostart(domain: Pointer, autostart: Out<number>): number;
  setAutostart(domain: Pointer, autostart: number): number;
  hasManagedSaveImage(domain: Pointer, flags: number): number;
  undefineFlags(domain: Pointer, flags: number): number;
}

const native = declareFunctions((library): Native => {
  koffi.struct('virDomainInfo', {
    state: 'uint8_t',
    maxMemKiB: 'ulong',
    memoryKiB: 'ulong',
    nrVirtCpu: 'ushort',
    cpuTimeNs: 'uint64_t',
  });
  return {
    lookupByUUIDString: library.func('void *virDomainLookupByUUIDString(void *connection, const char *uuid)'),
    defineXML: library.func('void *virDomainDefineXML(void *connection, const char *xml)'),
    free: library.func('int virDomainFree(void *domain)'),
    getUUIDString: library.func('int virDomainGetUUIDString(void *domain, void *buffer)'),
    getName: library.func('const char *virDomainGetName(void *domain)'),
    getXMLDesc: library.func('HeapString virDomainGetXMLDesc(void *domain, uint flags)'),
    getInfo: library.func('int virDomainGetInfo(void *domain, _Out_ virDomainInfo *info)'),
    isActive: library.func('int virDomainIsActive(void *domain)'),
    isPersistent: library.func('int virDomainIsPersistent(void *domain)'),
    getAutostart: library.func('int virDomainGetAutostart(void *domain, _Out_ int *autostart)'),
    setAutostart: library.func('int virDomainSetAutostart(void *domain, int autostart)'),
    hasManagedSaveImage: library.func('int virDomainHasManagedSaveImage(void *domain, uint flags)'),
    undefineFlags: library.func('int virDomainUndefineFlags(void *domain, uint flags)'),
  };
});

/**
 * The domain with this UUID; `free` it. Fails with VIR_ERR_NO_DOMAIN.
 * https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainLookupByUUIDString
 */
export function lookupByUUIDString(connection: Pointer, uuid: string): Pointer {
  return orThrow('virDomainLookupByUUIDString', native().lookupByUUIDString(connection, uuid));
}

/**
 * Defines a persistent domain, or redefines the one with the same name and UUID; `free` it.
 * https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainDefineXML
 */
export function defineXML(connection: Pointer, xml: string): Pointer {
  return orThrow('virDomainDefineXML', native().defineXML(connection, xml));
}

/** Gives the object back; the domain itself stays. https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainFree */
export function free(domain: Pointer): void {
  checked('virDomainFree', native().free(domain));
}

/** Asks nobody. https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainGetUUIDString */
export function getUUIDString(domain: Pointer): string {
  const buffer = Buffer.allocUnsafe(37);
  checked('virDomainGetUUIDString', native().getUUIDString(domain, buffer));
  return buffer.toString('latin1', 0, 36);
}

/** Asks nobody. https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainGetName */
export function getName(domain: Pointer): string {
  return orThrow('virDomainGetName', native().getName(domain));
}

/**
 * Its XML: of the running domain, or as `flags` (XML_DESC) say.
 * https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainGetXMLDesc
 */
export function getXMLDesc(domain: Pointer, flags: number): string {
  return orThrow('virDomainGetXMLDesc', native().getXMLDesc(domain, flags));
}

/** State, memory in KiB, vCPUs. https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainGetInfo */
export function getInfo(domain: Pointer): DomainInfo {
  const info: Partial<DomainInfo> = {};
  checked('virDomainGetInfo', native().getInfo(domain, info));
  const { state = 0, maxMemKiB = 0, memoryKiB = 0, nrVirtCpu = 0 } = info;
  return { state, maxMemKiB, memoryKiB, nrVirtCpu };
}

/** Running or paused. https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainIsActive */
export function isActive(domain: Pointer): boolean {
  return checked('virDomainIsActive', native().isActive(domain)) === 1;
}

/** https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainIsPersistent */
export function isPersistent(domain: Pointer): boolean {
  return checked('virDomainIsPersistent', native().isPersistent(domain)) === 1;
}

/** Whether it starts with the host. https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainGetAutostart */
export function getAutostart(domain: Pointer): boolean {
  const autostart: Out<number> = [null];
  checked('virDomainGetAutostart', native().getAutostart(domain, autostart));
  return autostart[0] === 1;
}

/** Persistent domains only. https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainSetAutostart */
export function setAutostart(domain: Pointer, autostart: { isEnabled: boolean }): void {
  checked('virDomainSetAutostart', native().setAutostart(domain, autostart.isEnabled ? 1 : 0));
}

/** https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainHasManagedSaveImage */
export function hasManagedSaveImage(domain: Pointer): boolean {
  return checked('virDomainHasManagedSaveImage', native().hasManagedSaveImage(domain, 0)) === 1;
}

/**
 * Removes the persistent definition; a running domain becomes transient. Refuses when there is NVRAM, a managed save,
 * snapshots or checkpoints that `flags` (UNDEFINE of undefine-flags.ts) say nothing of; flags unknown to the driver: VIR_ERR_INVALID_ARG.
 * https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainUndefineFlags
 */
export function undefineFlags(domain: Pointer, flags: number): void {
  checked('virDomainUndefineFlags', native().undefineFlags(domain, flags));
}
