import type { InstanceAddress } from '../../model/instance.ts';
import type { Hypervisor } from '../../model/ports/hypervisor.ts';
import type { DomainInterface } from './binding/domain-interfaces.ts';
import type { Caller } from './caller.ts';
import { shareReads } from './share-reads.ts';

type NetworksPart = Pick<
  Hypervisor,
  'listInterfaceAddresses' | 'listNetworks' | 'startNetwork' | 'listReservations' | 'addReservation'
>;

export function createNetworksPart(caller: Caller): NetworksPart {
  // a list asks for every guest that runs
  const listLeases = shareReads(async (asked: readonly string[]) => {
    const uuids = [...new Set(asked)];
    const subject = { task: 'tell the leases', urgency: 'read' } as const;
    const answers = await caller.call('listLeasesOf', { uuids }, subject);
    return new Map(answers.map((answer, index) => [uuids[index], answer]));
  });
  return {
    async listInterfaceAddresses(uuid, source) {
      const subject = { uuid, task: `tell the addresses (${source})` };
      const lease = source === 'lease' ? (await listLeases(uuid)).get(uuid) : undefined;
      if (lease !== undefined) return toAddresses(caller.take(lease, subject), source);
      const interfaces = await caller.call('listInterfaceAddresses', { uuid, source }, subject);
      return toAddresses(interfaces, source);
    },

    listNetworks: () => caller.call('listNetworks', undefined, { task: 'list the networks' }),

    startNetwork: (name) => caller.call('startNetwork', { name }, { task: `start the network ${name}` }),

    async listReservations() {
      const networks = await caller.call('listNetworkXmls', undefined, { task: 'read the XML of the networks' });
      const { readReservations } = await import('./reservation-xml.ts');
      return networks.flatMap(({ name, xml }) => readReservations(name, xml));
    },

    async addReservation(reservation) {
      const { network, mac, address } = reservation;
      const { writeReservation } = await import('./reservation-xml.ts');
      const task = `reserve ${address} for ${mac} in the network ${network}`;
      await caller.call('addDhcpHost', { network, xml: writeReservation(reservation) }, { task });
    },
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
