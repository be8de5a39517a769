import koffi from 'koffi';
import { checked } from './last-error.ts';
import { declareFunctions, type Pointer } from './library.ts';

/** https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainEventID */
const DOMAIN_EVENT_ID = { lifecycle: 0, blockJob2: 16, agentLifecycle: 18, metadataChange: 23 } as const;

/** Called in the thread that runs the event loop. `domain` is valid during the call only; `opaque` as registered. */
export interface DomainEventHandlers {
  lifecycle(...args: [connection: Pointer, domain: Pointer, event: number, detail: number, opaque: Pointer]): void;
  blockJob2(
    ...args: [connection: Pointer, domain: Pointer, disk: Pointer, type: number, status: number, opaque: Pointer]
  ): void;
  agentLifecycle(...args: [connection: Pointer, domain: Pointer, state: number, reason: number, opaque: Pointer]): void;
  metadataChange(
    ...args: [connection: Pointer, domain: Pointer, type: number, namespace: Pointer | null, opaque: Pointer]
  ): void;
  /** The connection was lost. */
  close(...args: [connection: Pointer, reason: number, opaque: Pointer]): void;
}

/** Function pointers of the handlers, usable for any number of connections. They live as long as the thread. */
export type DomainEventCallbacks = Readonly<Record<keyof DomainEventHandlers, Pointer>>;

interface Native {
  registerAny(
    ...args: [connection: Pointer, domain: null, id: number, callback: Pointer, opaque: Pointer, free: null]
  ): number;
  deregisterAny(connection: Pointer, callbackId: number): number;
  registerClose(...args: [connection: Pointer, callback: Pointer, opaque: Pointer, free: null]): number;
  unregisterClose(connection: Pointer, callback: Pointer): number;
}

const native = declareFunctions((library): Native => {
  koffi.proto('void virDomainLifecycle(void *connection, void *domain, int event, int detail, void *opaque)');
  koffi.proto('void virDomainBlockJob(void *connection, void *domain, void *disk, int type, int status, void *opaque)');
  koffi.proto('void virDomainAgent(void *connection, void *domain, int state, int reason, void *opaque)');
  koffi.proto('void virDomainMetadata(void *connection, void *domain, int type, void *nsuri, void *opaque)');
  koffi.proto('void virConnectClosed(void *connection, int reason, void *opaque)');
  return {
    registerAny: library.func(
      'int virConnectDomainEventRegisterAny(void *connection, void *domain, int id, void *cb, void *opaque, void *ff)',
    ),
    deregisterAny: library.func('int virConnectDomainEventDeregisterAny(void *connection, int callbackId)'),
    registerClose: library.func(
      'int virConnectRegisterCloseCallback(void *connection, void *cb, void *opaque, void *ff)',
    ),
    unregisterClose: library.func('int virConnectUnregisterCloseCallback(void *connection, void *cb)'),
  };
});

/** To be called once, in the thread that runs the event loop. */
export function createDomainEventCallbacks(handlers: DomainEventHandlers): DomainEventCallbacks {
  native();
  return {
    lifecycle: koffi.register(handlers.lifecycle, 'virDomainLifecycle *'),
    blockJob2: koffi.register(handlers.blockJob2, 'virDomainBlockJob *'),
    agentLifecycle: koffi.register(handlers.agentLifecycle, 'virDomainAgent *'),
    metadataChange: koffi.register(handlers.metadataChange, 'virDomainMetadata *'),
    close: koffi.register(handlers.close, 'virConnectClosed *'),
  };
}

/**
 * Asks for one kind of event of all domains; returns what domainEventDeregisterAny needs. The registration holds a reference
 * to the connection. Kinds that the driver does not have: VIR_ERR_NO_SUPPORT.
 * https://libvirt.org/html/libvirt-libvirt-domain.html#virConnectDomainEventRegisterAny
 */
export function domainEventRegisterAny(
  connection: Pointer,
  kind: keyof typeof DOMAIN_EVENT_ID,
  { callbacks, opaque }: { readonly callbacks: DomainEventCallbacks; readonly opaque: Pointer },
): number {
  const { registerAny } = native();
  const id = registerAny(connection, null, DOMAIN_EVENT_ID[kind], callbacks[kind], opaque, null);
  return checked('virConnectDomainEventRegisterAny', id);
}

/** https://libvirt.org/html/libvirt-libvirt-domain.html#virConnectDomainEventDeregisterAny */
export function domainEventDeregisterAny(connection: Pointer, callbackId: number): void {
  checked('virConnectDomainEventDeregisterAny', native().deregisterAny(connection, callbackId));
}

/**
 * Has `callbacks.close` called when the connection is lost; holds a reference to it until unregistered.
 * https://libvirt.org/html/libvirt-libvirt-host.html#virConnectRegisterCloseCallback
 */
export function registerCloseCallback(
  connection: Pointer,
  { callbacks, opaque }: { readonly callbacks: DomainEventCallbacks; readonly opaque: Pointer },
): void {
  checked('virConnectRegisterCloseCallback', native().registerClose(connection, callbacks.close, opaque, null));
}

/** https://libvirt.org/html/libvirt-libvirt-host.html#virConnectUnregisterCloseCallback */
export function unregisterCloseCallback(connection: Pointer, callbacks: DomainEventCallbacks): void {
  checked('virConnectUnregisterCloseCallback', native().unregisterClose(connection, callbacks.close));
}
