import { checked } from './last-error.ts';
import { declareFunctions, type Out, type Pointer } from './library.ts';

/** https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainAgentResponseTimeoutValues */
export const RESPONSE_TIMEOUT = { block: -2 } as const;

interface Native {
  agentSetResponseTimeout(domain: Pointer, seconds: number, flags: number): number;
  getTime(domain: Pointer, seconds: Out<number>, nanoseconds: Out<number>, flags: number): number;
  fsFreeze(domain: Pointer, mountpoints: null, count: number, flags: number): number;
  fsThaw(domain: Pointer, mountpoints: null, count: number, flags: number): number;
}

const native = declareFunctions(
  (library): Native => ({
    agentSetResponseTimeout: library.func(
      'int virDomainAgentSetResponseTimeout(void *domain, int timeout, uint flags)',
    ),
    getTime: library.func(
      'int virDomainGetTime(void *domain, _Out_ longlong *seconds, _Out_ uint *nanoseconds, uint flags)',
    ),
    fsFreeze: library.func('int virDomainFSFreeze(void *domain, void *mountpoints, uint count, uint flags)'),
    fsThaw: library.func('int virDomainFSThaw(void *domain, void *mountpoints, uint count, uint flags)'),
  }),
);

/**
 * How long the daemon waits for an answer of this domain's agent, in whole seconds or RESPONSE_TIMEOUT; it holds for
 * every client of the daemon, until the next change. Not all drivers have it: VIR_ERR_NO_SUPPORT.
 * https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainAgentSetResponseTimeout
 */
export function agentSetResponseTimeout(domain: Pointer, seconds: number): void {
  checked('virDomainAgentSetResponseTimeout', native().agentSetResponseTimeout(domain, seconds, 0));
}

/**
 * The guest's clock, in seconds since 1970, as its agent tells. Agent not there or silent: VIR_ERR_AGENT_UNRESPONSIVE;
 * no channel in the XML: VIR_ERR_ARGUMENT_UNSUPPORTED.
 * https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainGetTime
 */
export function getTime(domain: Pointer): number {
  const seconds: Out<number> = [null];
  checked('virDomainGetTime', native().getTime(domain, seconds, [null], 0));
  return seconds[0] ?? 0;
}

/**
 * Freezes all file systems of the guest; returns how many. Errors as in getTime, and VIR_ERR_INTERNAL_ERROR with the
 * agent's own words when it refuses.
 * https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainFSFreeze
 */
export function fsFreeze(domain: Pointer): number {
  return checked('virDomainFSFreeze', native().fsFreeze(domain, null, 0, 0));
}

/** Thaws all file systems; returns how many. https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainFSThaw */
export function fsThaw(domain: Pointer): number {
  return checked('virDomainFSThaw', native().fsThaw(domain, null, 0, 0));
}
