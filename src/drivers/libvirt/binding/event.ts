import koffi from 'koffi';
import { checked } from './last-error.ts';
import { declareFunctions, type Pointer } from './library.ts';

const HANDLE_READABLE = 1;

interface Native {
  registerDefaultImpl(): number;
  runDefaultImpl(): number;
  addHandle(...args: [fd: number, events: number, callback: Pointer, opaque: null, free: null]): number;
  addTimeout(...args: [ms: number, callback: Pointer, opaque: Pointer, free: null]): number;
  updateTimeout(timer: number, ms: number): void;
  removeTimeout(timer: number): number;
}

const native = declareFunctions((library): Native => {
  koffi.proto('void virEventHandleCallback(int watch, int fd, int events, void *opaque)');
  koffi.proto('void virEventTimeoutCallback(int timer, void *opaque)');
  return {
    registerDefaultImpl: library.func('int virEventRegisterDefaultImpl()'),
    runDefaultImpl: library.func('int virEventRunDefaultImpl()'),
    addHandle: library.func(
      'int virEventAddHandle(int fd, int events, virEventHandleCallback *cb, void *opaque, void *ff)',
    ),
    addTimeout: library.func('int virEventAddTimeout(int ms, virEventTimeoutCallback *cb, void *opaque, void *ff)'),
    updateTimeout: library.func('void virEventUpdateTimeout(int timer, int ms)'),
    removeTimeout: library.func('int virEventRemoveTimeout(int timer)'),
  };
});

/**
 * Makes libvirt's own event loop that of the whole process; connections opened before it have no part in it. From then on
 * it must keep running as long as there are connections: the daemon drops clients that do not answer its pings.
 * https://libvirt.org/html/libvirt-libvirt-event.html#virEventRegisterDefaultImpl
 */
export function registerDefaultImpl(): void {
  checked('virEventRegisterDefaultImpl', native().registerDefaultImpl());
}

/**
 * One turn of the loop: blocks until a handle or timer is due, and calls the callbacks in this thread.
 * https://libvirt.org/html/libvirt-libvirt-event.html#virEventRunDefaultImpl
 */
export function runDefaultImpl(): void {
  checked('virEventRunDefaultImpl', native().runDefaultImpl());
}

/**
 * Calls `onReadable` whenever the descriptor can be read, for good. Only for the thread that runs the loop.
 * https://libvirt.org/html/libvirt-libvirt-event.html#virEventAddHandle
 */
export function addReadHandle(fd: number, onReadable: () => void): number {
  const { addHandle } = native();
  const callback = koffi.register(onReadable, 'virEventHandleCallback *');
  return checked('virEventAddHandle', addHandle(fd, HANDLE_READABLE, callback, null, null));
}

/** A timer function for addTimeout; `opaque` says which timer it is. Lives as long as the thread. */
export function createTimeoutCallback(onTimeout: (timer: number, opaque: Pointer) => void): Pointer {
  native();
  return koffi.register(onTimeout, 'virEventTimeoutCallback *');
}

/**
 * A timer that is due every `ms`; -1: never, until it is updated. Only for the thread that runs the loop.
 * https://libvirt.org/html/libvirt-libvirt-event.html#virEventAddTimeout
 */
export function addTimeout(ms: number, options: { callback: Pointer; opaque: Pointer }): number {
  return checked('virEventAddTimeout', native().addTimeout(ms, options.callback, options.opaque, null));
}

/** https://libvirt.org/html/libvirt-libvirt-event.html#virEventUpdateTimeout */
export function updateTimeout(timer: number, ms: number): void {
  native().updateTimeout(timer, ms);
}

/** https://libvirt.org/html/libvirt-libvirt-event.html#virEventRemoveTimeout */
export function removeTimeout(timer: number): void {
  checked('virEventRemoveTimeout', native().removeTimeout(timer));
}
