import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectRefusal } from './support/captures.ts';
import { readDiskChains } from './support/disk-chains.ts';
import { waitForAgent } from './support/guest-agent.ts';
import { holdRequest } from './support/kill-harness.ts';
import { keepData, readDefinition } from './support/machine-record.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { createSecondHost, type SecondHost } from './support/second-host.ts';
import {
  expectNotShelved,
  expectOffloaded,
  listShelf,
  type Machine,
  shelve,
  showInstance,
  unshelve,
} from './support/shelf.ts';
import { createTestNetwork, type TestNetwork } from './support/test-network.ts';
import { bootTinyGuest, defineTinyGuest } from './support/tiny-guest.ts';
import { defineDomain, domainExists, domainState, removeDomain } from './support/virsh.ts';

let other: SecondHost;
let a: DarkroomHost;
let b: DarkroomHost;
beforeAll(async () => {
  other = await createSecondHost();
  a = await createDarkroomHost({ env: { DARKROOM_HOST_NAME: 'host-a' } });
  b = await createDarkroomHost({ uri: other.uri, store: a.store, env: { DARKROOM_HOST_NAME: 'host-b' } });
});
afterAll(async () => {
  await b?.[Symbol.asyncDispose]();
  await a?.[Symbol.asyncDispose]();
  await other?.[Symbol.asyncDispose]();
});

it('row 44: shelved on one host it is seen on both, comes back on the other, goes on there and back again', async () => {
  await using guest = await bootTinyGuest({
    firmware: 'uefi',
    tpm: true,
    disks: [{ target: 'vda', format: 'qcow2', backing: true }],
  });
  await guest.run('efi-variable write travels && tpm-value write luggage1 && echo here >/stamp');
  const before = await readDefinition(guest);
  await shelve(a, guest.name);
  await expectOffloaded(a, guest);
  expect(await showInstance(b, guest.uuid)).toEqual(await showInstance(a, guest.uuid));

  const abroad: Machine = { ...guest, uri: other.uri };
  expect(await unshelve(b, guest.name)).toMatchObject({ state: 'active', host: 'host-b' });
  await expectNotShelved(b, abroad);
  expect(await domainExists(guest), 'on the first host').toBe(false);
  await waitForAgent(abroad);
  expect(await readDiskChains(abroad)).toEqual({ vda: [path.join(guest.folder, 'vda.qcow2')] });
  expect(await readDefinition(abroad)).toEqual(before);

  await shelve(b, guest.name);
  await expectOffloaded(b, abroad);
  await unshelve(a, guest.name);
  await expectNotShelved(a, guest);
  await waitForAgent(guest);
  expect(await guest.run('efi-variable read && tpm-value read && cat /stamp')).toBe('travelsluggage1here\n');
  expect(await readDefinition(guest)).toEqual(before);
});

it('row 50: of two hosts and two commands at once exactly one brings it back, the others get a conflict', async () => {
  await using guest = await defineTinyGuest();
  await using data = await keepData(guest);
  for (let round = 0; round < 3; round++) {
    await shelve(a, guest.name);
    const args = ['instance', 'unshelve', guest.name, '--json'];
    const results = await Promise.all([a, b, a, b].map((host) => host.run(args)));
    const codes = results.map(({ exitCode }) => exitCode);
    const places = [guest, { ...guest, uri: other.uri }];
    const isThere = await Promise.all(places.map(domainExists));
    expect(
      codes.filter((code) => code === 0),
      results.map(({ stderr }) => stderr).join(''),
    ).toHaveLength(1);
    for (const [index, code] of codes.entries()) {
      // to the host that it is not on it is unknown once the other is done
      const losses = index % 2 === codes.indexOf(0) % 2 ? [4] : [4, 3];
      if (code !== 0) expect(losses, results[index]?.stderr).toContain(code);
    }
    expect(isThere, 'on one host').toEqual([codes[0] === 0 || codes[2] === 0, codes[1] === 0 || codes[3] === 0]);
    expect(await listShelf(a.store)).toEqual([]);
    await data.expectDisks();
    if (isThere[1] === true) await bringHome(guest);
  }
});

it('row 50: while one host brings it back it is a conflict on the other', async () => {
  await using guest = await defineTinyGuest();
  await shelve(a, guest.name);
  const held = holdRequest(a, guest.uri, {
    request: {
      kind: 'instance.unshelve',
      instance: guest.name,
      isStarted: true,
      networks: {},
      diskDir: null,
      isCold: false,
      isStealing: false,
    },
    at: { call: 'shelf.claim', nth: 1, when: 'after' },
    env: { DARKROOM_HOST_NAME: 'host-a' },
  });
  await held.held();
  const args = ['instance', 'unshelve', guest.name];
  const message = await expectRefusal(b, args, { exitCode: 4, code: 'INSTANCE_BUSY' });
  expect(message).toContain('host-a');
  await expectRefusal(b, ['instance', 'delete', guest.name], { exitCode: 4, code: 'INSTANCE_BUSY' });
  expect(await showInstance(b, guest.name)).toMatchObject({ state: 'shelved_offloaded' });
  held.release();
  await held.process.ended;
  await expectNotShelved(a, guest);
});

describe('what stands against it on the other host', () => {
  it.each(['name', 'UUID'])(
    'row 46: a %s that is taken there is a conflict; a retry works when it is free',
    async (what) => {
      await using guest = await defineTinyGuest();
      await shelve(a, guest.name);
      const squatter = { uri: other.uri, name: what === 'name' ? guest.name : `${guest.name}-other` };
      const uuid = what === 'UUID' ? `<uuid>${guest.uuid}</uuid>` : '';
      await defineDomain(
        other.uri,
        `<domain type='qemu'><name>${squatter.name}</name>${uuid}<memory unit='MiB'>64</memory>
         <os><type arch='x86_64' machine='q35'>hvm</type></os></domain>`,
      );
      await expectRefusal(b, ['instance', 'unshelve', guest.uuid], { exitCode: 4, code: 'NAME_TAKEN' });
      await removeDomain(squatter);
      await expectOffloaded(a, guest);
      await unshelve(b, guest.name);
      await expectNotShelved(b, { ...guest, uri: other.uri });
      await removeDomain({ uri: other.uri, name: guest.name });
    },
  );

  it('row 46: a network that is missing there is refused, and another one can be named', async () => {
    await using lan: TestNetwork = await createTestNetwork();
    await using theirs: TestNetwork = await createTestNetwork(other.uri);
    await using guest = await defineTinyGuest({ network: lan.name });
    const before = await readDefinition(guest);
    await shelve(a, guest.name);
    const args = ['instance', 'unshelve', guest.name];
    // as for a launch: not found
    const message = await expectRefusal(b, args, { exitCode: 3, code: 'NETWORK_NOT_FOUND' });
    expect(message).toContain('--network');
    await expectOffloaded(a, guest);
    await unshelve(b, guest.name, ['--network', `${lan.name}=${theirs.name}`]);
    const abroad = { ...guest, uri: other.uri };
    await expectNotShelved(b, abroad);
    const after = await readDefinition(abroad);
    expect(after.xml.split('\n').sort()).toEqual(before.xml.replaceAll(lan.name, theirs.name).split('\n').sort());
    await removeDomain(abroad);
  });

  it('row 46: a disk path that is taken there is refused, and the file is left alone', async () => {
    await using guest = await defineTinyGuest();
    await shelve(a, guest.name);
    const [disk] = guest.disks;
    await writeFile(disk?.path ?? '', 'of somebody else');
    expect((await b.run(['instance', 'unshelve', guest.name])).exitCode).toBe(4);
    expect(await showInstance(b, guest.name)).toMatchObject({ state: 'shelved_offloaded', taskState: null });
  });

  it('row 43: one that was not offloaded is a conflict elsewhere', async () => {
    await using guest = await defineTinyGuest();
    await shelve(a, guest.name, ['--no-offload']);
    await expectRefusal(b, ['instance', 'unshelve', guest.name], { exitCode: 4, code: 'INSTANCE_STATE' });
    expect(await domainState(guest)).toBe('shut off');
    await unshelve(a, guest.name);
  });
});

async function bringHome(guest: Machine): Promise<void> {
  await shelve(b, guest.name);
  await unshelve(a, guest.name);
}
