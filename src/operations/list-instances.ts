import { hasCode } from '../model/errors.ts';
import type { Instance } from '../model/instance.ts';
import { describeInstance } from './steps/describe-instance.ts';
import { findInstance } from './steps/find-instance.ts';
import type { Core } from './support/context.ts';

/** All instances of this host, by name. Guests are not asked for their addresses: a silent one would hold up the list. */
export async function listInstances(core: Core): Promise<readonly Instance[]> {
  const domains = await core.hypervisor.listDomains();
  const instances = await Promise.all(
    domains.map((domain) => describeInstance(core, domain, ['lease']).catch(ignoreGone)),
  );
  return instances.filter((instance) => instance !== null).sort((left, right) => left.name.localeCompare(right.name));
}

/** A domain that was undefined since it was listed. */
function ignoreGone(error: unknown): null {
  if (hasCode(error, 'INSTANCE_NOT_FOUND')) return null;
  throw error;
}

export async function showInstance(core: Core, reference: string): Promise<Instance> {
  const domain = await findInstance(core, reference);
  const agent =
    domain.powerState === 'running'
      ? await core.hypervisor.probeAgent(domain.uuid, { timeoutMs: core.settings.agentProbeTimeoutMs })
      : 'absent';
  return describeInstance(core, domain, agent === 'answering' ? ['agent', 'lease', 'arp'] : ['lease', 'arp']);
}
