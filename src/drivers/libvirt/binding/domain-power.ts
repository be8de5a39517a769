import { checked, orThrow } from './last-error.ts';
import { declareFunctions, type Pointer } from './library.ts';

/** https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainCreateFlags */
export const CREATE = { paused: 1 << 0, autodestroy: 1 << 1 } as const;

/** https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainSaveImageXMLFlags */
export const SAVE_IMAGE_XML = { secure: 1 << 0 } as const;

/** https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainSaveRestoreFlags */
export const RESTORE = { running: 1 << 1, paused: 1 << 2 } as const;

/** https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainState */
export const STATE = { paused: 3 } as const;

/** https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainPausedReason */
export const PAUSED_REASON = { ioError: 5 } as const;

interface Native {
  getState(domain: Pointer, state: [number], reason: [number], flags: number): number;
  createXML(connection: Pointer, xml: string, flags: number): Pointer | null;
  createWithFlags(domain: Pointer, flags: number): number;
  shutdownFlags(domain: Pointer, flags: number): number;
  reboot(domain: Pointer, flags: number): number;
  destroyFlags(domain: Pointer, flags: number): number;
  suspend(domain: Pointer): number;
  resume(domain: Pointer): number;
  managedSave(domain: Pointer, flags: number): number;
  managedSaveGetXMLDesc(domain: Pointer, flags: number): string | null;
  managedSaveDefineXML(domain: Pointer, xml: string, flags: number): number;
  restoreFlags(connection: Pointer, from: string, xml: string, flags: number): number;
}

const native = declareFunctions(
  (library): Native => ({
    getState: library.func('int virDomainGetState(void *domain, _Out_ int *state, _Out_ int *reason, uint flags)'),
    createXML: library.func('void *virDomainCreateXML(void *connection, const char *xml, uint flags)'),
    createWithFlags: library.func('int virDomainCreateWithFlags(void *domain, uint flags)'),
    shutdownFlags: library.func('int virDomainShutdownFlags(void *domain, uint flags)'),
    reboot: library.func('int virDomainReboot(void *domain, uint flags)'),
    destroyFlags: library.func('int virDomainDestroyFlags(void *domain, uint flags)'),
    suspend: library.func('int virDomainSuspend(void *domain)'),
    resume: library.func('int virDomainResume(void *domain)'),
    managedSave: library.func('int virDomainManagedSave(void *domain, uint flags)'),
    managedSaveGetXMLDesc: library.func('HeapString virDomainManagedSaveGetXMLDesc(void *domain, uint flags)'),
    managedSaveDefineXML: library.func('int virDomainManagedSaveDefineXML(void *domain, const char *xml, uint flags)'),
    restoreFlags: library.func(
      'int virDomainRestoreFlags(void *connection, const char *from, const char *xml, uint flags)',
    ),
  }),
);

/** Its virDomainState and why it is in it. https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainGetState */
export function getState(domain: Pointer): { readonly state: number; readonly reason: number } {
  const state: [number] = [0];
  const reason: [number] = [0];
  checked('virDomainGetState', native().getState(domain, state, reason, 0));
  return { state: state[0], reason: reason[0] };
}

/**
 * Starts a transient domain; virDomainFree the object. With CREATE.autodestroy it dies with this connection.
 * https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainCreateXML
 */
export function createXML(connection: Pointer, xml: string, flags: number): Pointer {
  return orThrow('virDomainCreateXML', native().createXML(connection, xml, flags));
}

/**
 * Starts a defined domain, from its managed save where it has one.
 * https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainCreateWithFlags
 */
export function createWithFlags(domain: Pointer, flags: number): void {
  checked('virDomainCreateWithFlags', native().createWithFlags(domain, flags));
}

/**
 * Asks the guest to shut down, by agent or ACPI as the driver chooses (flags 0); does not wait until it is off.
 * https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainShutdownFlags
 */
export function shutdownFlags(domain: Pointer, flags: number): void {
  checked('virDomainShutdownFlags', native().shutdownFlags(domain, flags));
}

/** Asks the guest to reboot; does not wait. https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainReboot */
export function reboot(domain: Pointer, flags: number): void {
  checked('virDomainReboot', native().reboot(domain, flags));
}

/**
 * Ends it at once, as by pulling the plug; a hypervisor that does not go is killed after some 15 s.
 * https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainDestroyFlags
 */
export function destroyFlags(domain: Pointer, flags: number): void {
  checked('virDomainDestroyFlags', native().destroyFlags(domain, flags));
}

/** Stops the vCPUs. https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainSuspend */
export function suspend(domain: Pointer): void {
  checked('virDomainSuspend', native().suspend(domain));
}

/** Lets the vCPUs run again. https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainResume */
export function resume(domain: Pointer): void {
  checked('virDomainResume', native().resume(domain));
}

/**
 * Saves RAM to a file that libvirt keeps and stops; the next start restores it. Blocks until saved.
 * https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainManagedSave
 */
export function managedSave(domain: Pointer, flags: number): void {
  checked('virDomainManagedSave', native().managedSave(domain, flags));
}

/**
 * The XML of the machine whose memory was saved. https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainManagedSaveGetXMLDesc
 */
export function managedSaveGetXMLDesc(domain: Pointer, flags: number): string {
  return orThrow('virDomainManagedSaveGetXMLDesc', native().managedSaveGetXMLDesc(domain, flags));
}

/**
 * Replaces that XML, which must describe the same machine to the guest; flags 0 keep whether it will run or be paused.
 * https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainManagedSaveDefineXML
 */
export function managedSaveDefineXML(domain: Pointer, xml: string, flags: number): void {
  checked('virDomainManagedSaveDefineXML', native().managedSaveDefineXML(domain, xml, flags));
}

/**
 * Starts the domain that `xml` names from a file of saved memory, running or paused as `flags` (RESTORE) say; the machine in
 * `xml` must look the same to the guest. One that is defined stays so, any other is transient. The file stays. Blocks until read.
 * https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainRestoreFlags
 */
export function restoreFlags(connection: Pointer, from: string, options: { xml: string; flags: number }): void {
  checked('virDomainRestoreFlags', native().restoreFlags(connection, from, options.xml, options.flags));
}
