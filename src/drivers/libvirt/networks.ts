import type { InstanceAddress } from '../../model/instance.ts';
import type { Hypervisor } from '../../model/ports/hypervisor.ts';
import type { DomainInterface } from './binding/domain-interfaces.ts';
import type { Caller } from './caller.ts';

type NetworksPart = Pick<Hypervisor, 'listInterfaceAddresses' | 'listNetworks' | 'startNetwork'>;

export function createNetworksPart(caller: Caller): NetworksPart {
  return {
    async listInterfaceAddresses(uuid, source) {
      const subject = { uuid, task: `tell the addresses (${source})` };
      const interfaces = await caller.call('listInterfaceAddresses', { uuid, source }, subject);
      return toAddresses(interfaces, source);
    },

    listNetworks: () => caller.call('listNetworks', undefined, { task: 'list the networks' }),

    startNetwork: (name) => caller.call('startNetwork', { name }, { task: `start the network ${name}` }),
  };
}

const LOOPBACK_MAC = '00:00:00:00:00:00';

/** One entry per address; loopback and interfaces without a MAC address (tunnels) are left out. */
export function toAddresses(
  interfaces: readonly DomainInterface[],
  source: InstanceAddress['source'],
): InstanceAddress[] {
  return interfaces.flatMap(({ name, hwaddr, addrs }) => {
    if (name === 'lo' || hwaddr === null || hwaddr === LOOPBACK_MAC) return [];
    return addrs.map(({ addr, prefix }) => ({ mac: hwaddr, address: addr, prefix, source }));
  });
}
