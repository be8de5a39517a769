import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { waitForAgent } from './support/guest-agent.ts';
import { createMount, type Mount } from './support/loop-mount.ts';
import { listBitmaps, readDefinition } from './support/machine-record.ts';
import { dropReservation, macOf, reserveAddress, reservedAddresses } from './support/reservations.ts';
import { bootRichGuest } from './support/rich-guest.ts';
import { createDarkroomHost } from './support/run-darkroom.ts';
import { expectNotShelved, expectOffloaded, shelve, showInstance, unshelve } from './support/shelf.ts';
import { createTestNetwork, type TestNetwork } from './support/test-network.ts';
import type { Guest } from './support/tiny-guest.ts';
import { onDomain } from './support/virsh.ts';
import { waitUntil } from './support/wait-until.ts';

let network: TestNetwork;
let guest: Guest;
let storeMount: Mount;

beforeAll(async () => {
  network = await createTestNetwork();
  storeMount = await createMount('ext4', 1024);
  guest = await bootRichGuest({
    network: network.name,
    disks: [
      { target: 'vda', format: 'qcow2' },
      { target: 'vdb', format: 'qcow2', sizeMiB: 64 },
    ],
  });
});
afterAll(async () => {
  await guest?.[Symbol.asyncDispose]();
  await storeMount?.[Symbol.asyncDispose]();
  await network?.[Symbol.asyncDispose]();
});

it.each(['moved', 'copied'])(
  'row 41: UUID, name, metadata, secrets, MAC, autostart, address and checkpoints are the same after disks were %s',
  async (how) => {
    await using darkroom = await createDarkroomHost(
      how === 'copied' ? { store: path.join(storeMount.path, 'store') } : {},
    );
    await checkpoint(`${how}-one`);
    await guest.run('echo changed >/between; sync');
    await checkpoint(`${how}-two`);
    const mac = await macOf(guest);
    const address = await reserveAddress(network, mac, how === 'copied' ? 77 : 78);
    const before = await readDefinition(guest);
    expect(before).toMatchObject({ uuid: guest.uuid, state: 'running', isAutostart: true });
    expect(before.xml).toContain("passwd='kept-it'");
    expect(before.xml).toContain("team='blue'");
    expect(before.checkpoints.length).toBeGreaterThan(1);

    await shelve(darkroom, guest.name);
    await expectOffloaded(darkroom, guest);
    expect(await showInstance(darkroom, guest.name)).toMatchObject({ macs: [mac] });
    await dropReservation(network, mac, address);

    await unshelve(darkroom, guest.name, ['--no-start']);
    await expectNotShelved(darkroom, guest);
    for (const disk of guest.disks) {
      expect(await listBitmaps(disk.path)).toEqual(before.checkpoints.map(([name]) => name).sort());
    }
    await guest.boot();
    expect(await readDefinition(guest)).toEqual(before);
    expect(await reservedAddresses(network.name, mac)).toEqual([address]);
    const hasAddress = async (): Promise<boolean> =>
      (await guest.run('ip -4 -o addr show eth0')).includes(`${address}/`);
    await waitUntil('it has its address', hasAddress, { timeoutMs: 60_000 });
    await dropReservation(network, mac, address);
    await expectIncrement(`${how}-two`);
  },
);

async function checkpoint(name: string): Promise<void> {
  await onDomain(guest, 'checkpoint-create-as', [name]);
}

/** What the guest writes from now on is a small increment since that checkpoint. */
async function expectIncrement(since: string): Promise<void> {
  await waitForAgent(guest);
  await guest.run('head -c 65536 /dev/urandom >/since; sync');
  const file = path.join(guest.folder, `${since}.qcow2`);
  const xml = `<domainbackup mode='push'><incremental>${since}</incremental><disks>
    <disk name='vda' type='file'><target file='${file}'/><driver type='qcow2'/></disk><disk name='vdb' backup='no'/>
  </disks></domainbackup>`;
  await writeFile(`${file}.xml`, xml);
  await onDomain(guest, 'backup-begin', [`${file}.xml`]);
  const isDone = async (): Promise<boolean> =>
    /Completed/.test(await onDomain(guest, 'domjobinfo', ['--completed', '--keep-completed']));
  await waitUntil('the increment is taken', isDone, { timeoutMs: 60_000 });
}
