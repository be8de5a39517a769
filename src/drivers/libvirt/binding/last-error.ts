import koffi from 'koffi';
import { declareFunctions, type Pointer } from './library.ts';
import { LibvirtError } from './libvirt-error.ts';

interface VirError {
  readonly code: number;
  readonly domain: number;
  readonly message: string | null;
  readonly level: number;
}

const native = declareFunctions((library) => {
  const getLastError: () => Pointer | null = library.func('void *virGetLastError()');
  // the head of struct _virError, which is all that is not deprecated or internal
  const headOfVirError = koffi.struct({ code: 'int', domain: 'int', message: 'str', level: 'int' });
  return { getLastError, headOfVirError };
});

/**
 * Throws what libvirt says of the call that just failed in this thread. libvirt keeps the last error per thread, so this
 * must run before any other libvirt call, in the same thread.
 * https://libvirt.org/html/libvirt-virterror.html#virGetLastError
 */
function throwLastError(call: string): never {
  const { getLastError, headOfVirError } = native();
  const pointer = getLastError();
  if (pointer === null) throw new LibvirtError({ call, code: 0, domain: 0, level: 2, message: `${call} failed` });
  const error: VirError = koffi.decode(pointer, headOfVirError);
  throw new LibvirtError({ ...error, call, message: error.message ?? `${call} failed with code ${error.code}` });
}

/** For calls that return an object or a string, NULL on failure. */
export function orThrow<T>(call: string, value: T | null): T {
  return value ?? throwLastError(call);
}

/** For calls that return -1 on failure, else 0, a count or a yes. */
export function checked(call: string, result: number): number {
  return result < 0 ? throwLastError(call) : result;
}
