import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { guestXml } from '../e2e/support/guest-xml.ts';
import { runCommand } from '../e2e/support/run-command.ts';
import type { World } from '../soak/world.ts';

/** Defines that many machines of QEMU's, each with two disks and a network card; none is started, no disk is there. */
export async function defineManyDomains({ run, folder, host }: World, count: number): Promise<void> {
  const commands: string[] = [];
  for (let index = 0; index < count; index++) {
    const file = path.join(folder, `defined-${index}.xml`);
    await writeFile(file, domainXml(`${run}-${String(index).padStart(3, '0')}`, folder));
    commands.push(`define ${file}`);
  }
  await runCommand('virsh', ['-q', '-c', host.uri], { input: `${commands.join('\n')}\n` });
}

function domainXml(name: string, folder: string): string {
  const disk = (target: string) =>
    ({ target, format: 'qcow2', path: path.join(folder, `${name}-${target}.qcow2`) }) as const;
  return guestXml({
    ...{ name, folder, disks: [disk('vda'), disk('vdb')], network: 'default', cdrom: '' },
    ...{ virtType: 'kvm', memoryMiB: 2048, vcpus: 2, firmware: 'bios', hasAgent: true, hasTpm: false },
    extraDevices: `<sound model='ich9'/><hostdev mode='subsystem' type='usb'><source startupPolicy='optional'><vendor id='0x${randomBytes(2).toString('hex')}'/><product id='0x0001'/></source></hostdev>`,
  });
}
