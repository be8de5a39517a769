import type { Hypervisor } from '../../model/ports/hypervisor.ts';
import type { Caller } from './caller.ts';

type HostPart = Pick<Hypervisor, 'versions' | 'offersKvm'>;

export function createHostPart(caller: Caller): HostPart {
  return {
    async versions() {
      const versions = await caller.call('hostVersions', undefined, { task: 'tell its version' });
      const { driver, libvirt, hypervisor } = versions;
      return { driver, libvirt: dotted(libvirt), hypervisor: dotted(hypervisor) };
    },

    async offersKvm() {
      const { namesKvm } = await import('./read-xml.ts');
      return namesKvm(await caller.call('hostCapabilities', undefined, { task: 'tell its capabilities' }));
    },
  };
}

/** libvirt codes a version as major * 1,000,000 + minor * 1,000 + release. */
function dotted(version: number): string {
  return [Math.floor(version / 1_000_000), Math.floor(version / 1_000) % 1_000, version % 1_000].join('.');
}
