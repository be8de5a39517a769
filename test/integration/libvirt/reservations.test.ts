import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHypervisor } from '../../../src/drivers/libvirt/create-hypervisor.ts';
import type { Hypervisor } from '../../../src/model/ports/hypervisor.ts';
import type { NetworkReservation } from '../../../src/model/shelved-instance.ts';

const run = promisify(execFile);

let hypervisor: Hypervisor;
let folder: string;
let file: string;
let network: string;
let subnet: string;

beforeEach(async () => {
  hypervisor = createHypervisor({ uri: 'qemu:///system' });
  folder = await mkdtemp(path.join(tmpdir(), 'dr-lv-'));
  const id = randomBytes(2);
  network = `dr-lv-net-${id.toString('hex')}`;
  subnet = `10.214.${id[0]}`;
  file = `${folder}/network.xml`;
  await writeFile(
    file,
    `<network><name>${network}</name><bridge name='drlv-${id.toString('hex')}'/>
      <ip address='${subnet}.1' netmask='255.255.255.0'><dhcp><range start='${subnet}.2' end='${subnet}.99'/>
        <host mac='52:54:00:AB:CD:01' ip='${subnet}.101'/>
        <host name='nameonly' ip='${subnet}.102'/></dhcp></ip></network>`,
  );
});

afterEach(async () => {
  await run('virsh', ['net-destroy', network]).catch(() => {});
  await run('virsh', ['net-undefine', network]).catch(() => {});
  await hypervisor[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const ours = async (): Promise<readonly NetworkReservation[]> =>
  (await hypervisor.listReservations()).filter((reservation) => reservation.network === network);
const first = (): NetworkReservation => ({
  network,
  mac: '52:54:00:ab:cd:01',
  address: `${subnet}.101`,
  name: null,
});
const second = (): NetworkReservation => ({
  network,
  mac: '52:54:00:ab:cd:02',
  address: `${subnet}.103`,
  name: 'second',
});

describe('reservations on qemu:///system', () => {
  test('those of a defined network that is off are listed, and one is added to its definition', async () => {
    await run('virsh', ['net-define', file]);
    expect(await ours()).toEqual([first()]);

    await hypervisor.addReservation(second());

    expect(await ours()).toEqual([first(), second()]);
    expect(await xmlOf('--inactive')).toContain(`name='nameonly' ip='${subnet}.102'`);
  });

  test('one that is added to a running network reaches its DHCP server and its definition', async () => {
    await run('virsh', ['net-define', file]);
    await run('virsh', ['net-start', network]);

    await hypervisor.addReservation(second());

    const host = `<host mac='52:54:00:ab:cd:02' name='second' ip='${subnet}.103'/>`;
    expect(await xmlOf()).toContain(host);
    expect(await xmlOf('--inactive')).toContain(host);
    const served = await readFile(`/var/lib/libvirt/dnsmasq/${network}.hostsfile`, 'utf8');
    expect(served).toContain(`52:54:00:ab:cd:02,${subnet}.103,second`);
    expect(await ours()).toEqual([first(), second()]);
  });

  test('a network without a definition is read and changed as it runs', async () => {
    await run('virsh', ['net-create', file]);

    await hypervisor.addReservation(second());

    expect(await ours()).toEqual([first(), second()]);
  });

  test.each([
    ['an address that is reserved', () => ({ ...second(), address: `${subnet}.101` }), 'LIBVIRT_FAILED'],
    ['a MAC that has one', () => ({ ...second(), mac: '52:54:00:ab:cd:01' }), 'LIBVIRT_FAILED'],
    ['an address that is none', () => ({ ...second(), address: '10.1.1.300' }), 'LIBVIRT_FAILED'],
    ['a network that is not there', () => ({ ...second(), network: 'dr-lv-nowhere' }), 'NETWORK_NOT_FOUND'],
  ])('%s is refused and changes nothing', async (_title, makeReservation, code) => {
    await run('virsh', ['net-define', file]);

    await expect(hypervisor.addReservation(makeReservation())).rejects.toMatchObject({ code });
    expect(await ours()).toEqual([first()]);
  });
});

async function xmlOf(...options: readonly string[]): Promise<string> {
  return (await run('virsh', ['net-dumpxml', network, ...options])).stdout;
}
