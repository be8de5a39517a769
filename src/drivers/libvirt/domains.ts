import { formatLabels, LABELS_NAMESPACE, LABELS_PREFIX } from '../../model/domain-xml/labels.ts';
import type { PowerState } from '../../model/instance.ts';
import type { DomainInfo, Hypervisor } from '../../model/ports/hypervisor.ts';
import type { Caller } from './caller.ts';
import type { DomainSummary, DomainWithXml } from './calls/domain-calls.ts';
import { DescriptionCache } from './description-cache.ts';
import { shareReads } from './share-reads.ts';

type DomainsPart = Pick<
  Hypervisor,
  | 'listDomains'
  | 'describeDomains'
  | 'getDomain'
  | 'getDomainXml'
  | 'defineDomain'
  | 'undefineDomain'
  | 'setAutostart'
  | 'setLabels'
>;

const DOMAINS_OF_A_SHARE = 50;
/** As many threads as stay: to start one takes longer than to ask for hundreds of domains. */
const MAX_SHARES = 2;

export function createDomainsPart(caller: Caller): DomainsPart {
  const descriptions = new DescriptionCache();
  const describeDomains = shareReads(async () => {
    const found = await listInShares(caller, Math.ceil(descriptions.size / DOMAINS_OF_A_SHARE));
    const described = descriptions.describeAll(found.map(({ summary: { uuid }, xml }) => ({ uuid, xml })));
    return found.flatMap(({ summary }, index) => {
      const description = described[index];
      if (description === undefined) return [];
      const { vcpus, memoryMiB } = description.current;
      return [{ info: { ...toKnownDomain(summary), vcpus, memoryMiB }, description }];
    });
  });
  return {
    async listDomains() {
      const summaries = await caller.call('listDomains', undefined, { task: 'list the domains' });
      return summaries.map(toDomainInfo);
    },

    describeDomains: () => describeDomains(),

    async getDomain(uuid) {
      const subject = { uuid, task: 'read the domain', urgency: 'read' } as const;
      return toDomainInfo(await caller.call('getDomain', { uuid }, subject));
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

    setLabels: (uuid, labels) =>
      caller.call(
        'setMetadata',
        { uuid, namespace: LABELS_NAMESPACE, prefix: LABELS_PREFIX, xml: formatLabels(labels) },
        { uuid, task: 'set the labels of the domain' },
      ),
  };
}

/** Where there are many, the threads that are kept anyway ask side by side. */
async function listInShares(caller: Caller, wanted: number): Promise<readonly DomainWithXml[]> {
  const count = Math.min(Math.max(wanted, 1), MAX_SHARES);
  const subject = { task: 'list the domains', urgency: 'read' } as const;
  const ask = (index: number) => caller.call('listDomainXmls', { index, count }, subject);
  return (await Promise.all(Array.from({ length: count }, (_none, index) => ask(index)))).flat();
}

function toDomainInfo(summary: DomainSummary): DomainInfo {
  return {
    ...toKnownDomain(summary),
    vcpus: summary.nrVirtCpu,
    memoryMiB: Math.round(summary.memoryKiB / 1024),
  };
}

function toKnownDomain(summary: DomainWithXml['summary']): Omit<DomainInfo, 'vcpus' | 'memoryMiB'> {
  return {
    uuid: summary.uuid,
    name: summary.name,
    powerState: toPowerState(summary.state, summary.hasManagedSave),
    isPersistent: summary.isPersistent,
    isAutostart: summary.isAutostart,
    hasManagedSave: summary.hasManagedSave,
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
