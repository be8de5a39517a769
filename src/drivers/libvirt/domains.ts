import type { PowerState } from '../../model/instance.ts';
import type { DomainInfo, Hypervisor } from '../../model/ports/hypervisor.ts';
import type { Caller } from './caller.ts';
import type { DomainSummary } from './calls/domain-calls.ts';

type DomainsPart = Pick<
  Hypervisor,
  'listDomains' | 'getDomain' | 'getDomainXml' | 'defineDomain' | 'undefineDomain' | 'setAutostart'
>;

export function createDomainsPart(caller: Caller): DomainsPart {
  return {
    async listDomains() {
      const summaries = await caller.call('listDomains', undefined, { task: 'list the domains' });
      return summaries.map(toDomainInfo);
    },

    async getDomain(uuid) {
      return toDomainInfo(await caller.call('getDomain', { uuid }, { uuid, task: 'read the domain' }));
    },

    getDomainXml: (uuid, { isInactive = false, isSecure = false } = {}) =>
      caller.call('getDomainXml', { uuid, isInactive, isSecure }, { uuid, task: 'read the XML of the domain' }),

    defineDomain: (xml) => caller.call('defineDomain', { xml }, { task: 'define the domain' }),

    async undefineDomain(uuid, options) {
      const { undefineDomain } = await import('./undefine-domain.ts');
      return undefineDomain(caller, uuid, options);
    },

    setAutostart: (uuid, { isEnabled }) =>
      caller.call('setAutostart', { uuid, isEnabled }, { uuid, task: 'change the autostart of the domain' }),
  };
}

function toDomainInfo(summary: DomainSummary): DomainInfo {
  return {
    uuid: summary.uuid,
    name: summary.name,
    powerState: toPowerState(summary.state, summary.hasManagedSave),
    isPersistent: summary.isPersistent,
    isAutostart: summary.isAutostart,
    hasManagedSave: summary.hasManagedSave,
    vcpus: summary.nrVirtCpu,
    memoryMiB: Math.round(summary.memoryKiB / 1024),
  };
}

/** By virDomainState; blocked and shutting-down domains still run, one that sleeps (PM) is held by a live QEMU. */
const POWER_STATE_OF: readonly PowerState[] = [
  'nostate',
  'running',
  'running',
  'paused',
  'running',
  'shutdown',
  'crashed',
  'paused',
];

/** https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainState */
export function toPowerState(state: number, hasManagedSave: boolean): PowerState {
  const powerState = POWER_STATE_OF[state] ?? 'nostate';
  return powerState === 'shutdown' && hasManagedSave ? 'suspended' : powerState;
}
