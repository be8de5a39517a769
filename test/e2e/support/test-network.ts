import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { tryCommand } from './run-command.ts';
import { createTestFolder } from './test-folder.ts';
import { SYSTEM_URI, virsh } from './virsh.ts';

export interface TestNetwork extends AsyncDisposable {
  readonly name: string;
  /** Address of this host in it. */
  readonly gateway: string;
}

/** A running libvirt network with DHCP and NAT; removed when disposed of. */
export async function createTestNetwork(uri = SYSTEM_URI): Promise<TestNetwork> {
  const folder = await createTestFolder();
  const name = path.basename(folder.path);
  const subnet = subnetOf(name);
  const dispose = async (): Promise<void> => {
    await tryCommand('virsh', ['-q', '-c', uri, 'net-destroy', name]);
    await tryCommand('virsh', ['-q', '-c', uri, 'net-undefine', name]);
    await folder[Symbol.asyncDispose]();
  };
  try {
    await writeFile(path.join(folder.path, 'network.xml'), networkXml(name, subnet));
    await virsh(uri, ['net-define', path.join(folder.path, 'network.xml')]);
    await virsh(uri, ['net-start', name]);
    return { name, gateway: `${subnet}.1`, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** One of 8192: there is one for each of the many that files of tests have beside each other. */
function subnetOf(name: string): string {
  const [high, low] = [name.slice(-4, -2), name.slice(-2)].map((digits) => Number.parseInt(digits, 16));
  return `10.${192 + ((high ?? 0) % 32)}.${low}`;
}

/** https://libvirt.org/formatnetwork.html; a bridge name is at most 15 characters long. */
function networkXml(name: string, subnet: string): string {
  return `<network>
  <name>${name}</name>
  <forward mode='nat'/>
  <bridge name='drt-${name.slice(-8)}'/>
  <ip address='${subnet}.1' netmask='255.255.255.0'>
    <dhcp><range start='${subnet}.2' end='${subnet}.254'/></dhcp>
  </ip>
</network>`;
}
