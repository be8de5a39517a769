import { expect, it } from 'vitest';
import { isFrozen } from './support/guest-agent.ts';
import { createSecondHost } from './support/second-host.ts';
import { createTestNetwork } from './support/test-network.ts';
import { bootTinyGuest } from './support/tiny-guest.ts';
import { domainExists, domainState, onDomain, SYSTEM_URI, virsh } from './support/virsh.ts';

it('runs guests under a second libvirt that survive its restart and its death', async () => {
  await using host = await createSecondHost();
  await using network = await createTestNetwork(host.uri);
  await using guest = await bootTinyGuest({ uri: host.uri, network: network.name });
  expect(await domainExists({ uri: SYSTEM_URI, name: guest.name })).toBe(false);
  await guest.writeFile('/root/kept', 'kept');

  await host.restart();
  expect(await guest.readFile('/root/kept')).toBe('kept');

  await host.stop('SIGKILL');
  await expect(virsh(host.uri, ['version'])).rejects.toThrow('Failed to connect');
  await host.start();
  expect(await domainState(guest)).toBe('running');
  await onDomain(guest, 'domfsfreeze');
  expect(await isFrozen(guest)).toBe(true);
  await onDomain(guest, 'domfsthaw');
});
