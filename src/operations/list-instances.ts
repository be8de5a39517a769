import { maySeeInstance } from '../model/access.ts';
import { describeDomain } from '../model/domain-xml/describe-domain.ts';
import { hasCode } from '../model/errors.ts';
import type { Instance } from '../model/instance.ts';
import { hasLabels } from '../model/labels.ts';
import { takePage } from '../model/pages.ts';
import type { InstanceFilter } from '../model/requests.ts';
import type { ShelvedInstance } from '../model/shelved-instance.ts';
import { describeInstance, type InstanceFacts } from './steps/describe-instance.ts';
import { findDomainOf, notFound } from './steps/find-instance.ts';
import { describeShelved, markShelved } from './steps/shelve/describe-shelved.ts';
import { findShelved, readOwnRecord } from './steps/shelve/find-shelved.ts';
import type { Core } from './support/context.ts';

/**
 * All instances of this host and all shelved ones of its store, by name. Guests are not asked for their addresses: a silent one
 * would hold up the list.
 */
export async function listInstances(core: Core, filter: InstanceFilter = {}): Promise<readonly Instance[]> {
  const domains = await core.hypervisor.describeDomains();
  const holders = await core.locks.list();
  const shelved = await listShelved(core);
  const here = await Promise.all(
    domains.map(({ info: domain, description }) =>
      describe(core, { domain, description, holders }, shelved).catch(ignoreGone),
    ),
  );
  const away = shelved.filter(({ id }) => !domains.some(({ info }) => info.uuid === id));
  const all = [...here, ...(await Promise.all(away.map((record) => describeShelved(core, record))))]
    .filter((instance) => instance !== null)
    .filter((instance) => maySeeInstance(core.caller, instance) && matches(instance, filter))
    .sort((left, right) => left.name.localeCompare(right.name));
  return takePage(all, filter);
}

function matches(instance: Instance, { name, state, labels }: InstanceFilter): boolean {
  return (
    (name === undefined || instance.name === name) &&
    (state === undefined || instance.state === state) &&
    (labels === undefined || hasLabels(instance.labels, labels))
  );
}

async function describe(core: Core, facts: InstanceFacts, shelved: readonly ShelvedInstance[]): Promise<Instance> {
  const { domain } = facts;
  const instance = await describeInstance(core, facts, ['lease']);
  const record = shelved.find(({ id, host }) => id === domain.uuid && host === core.hostName);
  return record === undefined ? instance : markShelved(instance, record);
}

/** What libvirt knows is listed although the store cannot be read. */
async function listShelved(core: Core): Promise<readonly ShelvedInstance[]> {
  try {
    return (await core.shelf.list()).instances;
  } catch (error) {
    if (!hasCode(error, 'STORE_UNUSABLE')) throw error;
    core.log.warn({ error: error.message }, 'shelved instances are not listed');
    return [];
  }
}

/** A domain that was undefined since it was listed. */
function ignoreGone(error: unknown): null {
  if (hasCode(error, 'INSTANCE_NOT_FOUND')) return null;
  throw error;
}

export async function showInstance(core: Core, reference: string): Promise<Instance> {
  const domain = await findDomainOf(core, reference);
  if (domain === null) {
    const record = await findShelved(core, reference);
    if (record === null) throw notFound(core, reference);
    return await describeShelved(core, record);
  }
  const record = await readOwnRecord(core, domain);
  const agent =
    domain.powerState === 'running'
      ? await core.hypervisor.probeAgent(domain.uuid, { timeoutMs: core.settings.agentProbeTimeoutMs })
      : 'absent';
  const instance = await describeInstance(
    core,
    {
      domain,
      description: describeDomain(await core.hypervisor.getDomainXml(domain.uuid)),
      holders: await core.locks.list(),
    },
    agent === 'answering' ? ['agent', 'lease', 'arp'] : ['lease', 'arp'],
  );
  return record === null ? instance : markShelved(instance, record);
}
