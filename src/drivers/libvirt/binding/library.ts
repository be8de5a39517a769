import type { LibraryHandle } from 'koffi';
import koffi from 'koffi';

/** An object of libvirt, as its address. 0n and null never stand for an object. */
export type Pointer = bigint;

/** What a call with one output argument fills. */
export type Out<T> = [T | null];

const SONAME = 'libvirt.so.0';

/**
 * Declares the C functions of one file; libvirt is loaded at the first call, not at import. Prototypes may use the types
 * `HeapString`: a char * that the caller owns, decoded and freed.
 */
export function declareFunctions<T>(declare: (library: LibraryHandle) => T): () => T {
  let declared: T | undefined;
  return () => {
    declared ??= declare(openLibrary());
    return declared;
  };
}

/** Reads the array of `count` object addresses that `array` points to, and frees the array (not the objects). */
export function takePointers(array: Pointer | null, count: number): Pointer[] {
  if (array === null) return [];
  try {
    return count > 0 ? koffi.decode(array, koffi.array('void *', count)) : [];
  } finally {
    koffi.free(array);
  }
}

const openLibrary = once((): LibraryHandle => {
  const library = koffi.load(SONAME);
  koffi.disposable('HeapString', 'str');
  silenceErrors(library);
  initialize(library);
  return library;
});

/**
 * libvirt prints every error to stderr unless a handler is set. The handler is one for all threads, so it cannot be a
 * JavaScript function, which belongs to one; free(userData), with userData NULL, does nothing, in any thread.
 * https://libvirt.org/html/libvirt-virterror.html#virSetErrorFunc
 */
function silenceErrors(library: LibraryHandle): void {
  const setErrorFunc = library.func('void virSetErrorFunc(void *userData, void *handler)');
  setErrorFunc(null, koffi.load(null).symbol('free'));
}

/** https://libvirt.org/html/libvirt-libvirt-host.html#virInitialize */
function initialize(library: LibraryHandle): void {
  const result: number = library.func('int virInitialize()')();
  if (result < 0) throw new Error(`${SONAME} cannot be initialised: virInitialize returned ${result}`);
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
