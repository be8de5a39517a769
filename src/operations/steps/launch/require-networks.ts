import { describeDomain } from '../../../model/domain-xml/describe-domain.ts';
import { DarkroomError } from '../../../model/errors.ts';
import type { Core } from '../../support/context.ts';

/** NETWORK_NOT_FOUND unless libvirt has every network that the domain names; NETWORK_INACTIVE when one is off that must be on. */
export async function requireNetworks(
  core: Core,
  xml: string,
  { isStarted }: { readonly isStarted: boolean },
): Promise<void> {
  const names = describeDomain(xml).interfaces.flatMap(({ network }) => (network === null ? [] : [network]));
  if (names.length === 0) return;
  const networks = await core.hypervisor.listNetworks();
  for (const name of new Set(names)) {
    const network = networks.find((candidate) => candidate.name === name);
    if (network === undefined) throw notFound(core, name, networks);
    if (isStarted && !network.isActive) throw inactive(name);
  }
}

function notFound(core: Core, name: string, networks: readonly { readonly name: string }[]): DarkroomError {
  const known = networks.map((network) => network.name).join(', ') || 'none';
  return new DarkroomError(
    'NETWORK_NOT_FOUND',
    `There is no network ${JSON.stringify(name)} on ${core.hypervisor.uri}; there are: ${known}. Name another with --network.`,
    { fields: { network: name } },
  );
}

function inactive(name: string): DarkroomError {
  return new DarkroomError(
    'NETWORK_INACTIVE',
    `The network ${name} is not active, so that the instance could not start. Start it (virsh net-start ${name}; ` +
      `for good: virsh net-autostart ${name}), name another with --network, or use --no-start.`,
    { fields: { network: name } },
  );
}
