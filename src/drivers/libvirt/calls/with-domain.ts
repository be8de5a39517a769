import * as domain from '../binding/domain.ts';
import type { Pointer } from '../binding/library.ts';

export interface DomainArgs {
  readonly uuid: string;
}

/** Looks the domain up, lets `use` work with it, frees it. */
export function withDomain<T>(connection: Pointer, uuid: string, use: (object: Pointer) => T): T {
  return usingDomain(domain.lookupByUUIDString(connection, uuid), use);
}

/** Lets `use` work with the domain, then frees it. */
export function usingDomain<T>(object: Pointer, use: (object: Pointer) => T): T {
  try {
    return use(object);
  } finally {
    domain.free(object);
  }
}
