import type { DomainDescription } from '../../model/domain-xml/describe-domain.ts';
import { hasCode } from '../../model/errors.ts';
import type { Instance, InstanceAddress, InstanceState, PowerState } from '../../model/instance.ts';
import type { DomainInfo } from '../../model/ports/hypervisor.ts';
import type { LockHolder } from '../../model/ports/journal.ts';
import type { Core } from '../support/context.ts';

type AddressSource = InstanceAddress['source'];

export interface InstanceFacts {
  readonly domain: DomainInfo;
  readonly description: DomainDescription;
  readonly holders: readonly LockHolder[];
}

/** An instance as people see it. Addresses are asked of `sources` in turn until one knows any. */
export async function describeInstance(
  core: Core,
  { domain, description, holders }: InstanceFacts,
  sources: readonly AddressSource[],
): Promise<Instance> {
  return {
    id: domain.uuid,
    name: domain.name,
    state: stateOf(domain.powerState),
    powerState: domain.powerState,
    taskState: holders.find((holder) => holder.key === `instance:${domain.uuid}`)?.kind ?? null,
    host: core.hostName,
    vcpus: domain.vcpus,
    memoryMiB: domain.memoryMiB,
    disks: description.disks.map(({ target, device, path, format, isReadOnly }) => ({
      target,
      device,
      path,
      format,
      isReadOnly,
    })),
    macs: description.interfaces.flatMap(({ mac }) => (mac === null ? [] : [mac])),
    addresses: domain.powerState === 'running' ? await findAddresses(core, domain.uuid, sources) : [],
    imageId: description.imageId,
    owner: description.owner,
    labels: description.labels,
  };
}

export function stateOf(powerState: PowerState): InstanceState {
  switch (powerState) {
    case 'running':
      return 'active';
    case 'paused':
      return 'paused';
    case 'shutdown':
      return 'stopped';
    case 'suspended':
      return 'suspended';
    case 'crashed':
    case 'nostate':
      return 'error';
    default: {
      const never: never = powerState;
      return never;
    }
  }
}

async function findAddresses(
  core: Core,
  uuid: string,
  sources: readonly AddressSource[],
): Promise<readonly InstanceAddress[]> {
  for (const source of sources) {
    try {
      const addresses = await core.hypervisor.listInterfaceAddresses(uuid, source);
      if (addresses.length > 0) return addresses;
    } catch (error) {
      // a silent agent or a network without leases only means that another source must know
      if (hasCode(error, 'LIBVIRT_UNREACHABLE', 'INSTANCE_NOT_FOUND')) throw error;
    }
  }
  return [];
}
