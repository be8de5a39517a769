import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readGuestFile, runInGuest, waitForAgent } from './support/guest-agent.ts';
import { tinyGuestImage } from './support/guest-image.ts';
import { runCommand } from './support/run-command.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { uniqueName } from './support/test-folder.ts';
import { createTestNetwork, type TestNetwork } from './support/test-network.ts';
import { type DomainRef, removeDomain, SYSTEM_URI } from './support/virsh.ts';

describe('an imported disk', () => {
  let darkroom: DarkroomHost;
  let network: TestNetwork;
  const launched: string[] = [];

  beforeAll(async () => {
    network = await createTestNetwork();
    darkroom = await createDarkroomHost({ env: { DARKROOM_VIRT_TYPE: 'qemu', DARKROOM_MEMORY_MIB: '256' } });
  });
  afterAll(async () => {
    for (const name of launched) await removeDomain({ uri: SYSTEM_URI, name });
    await darkroom[Symbol.asyncDispose]();
    await network[Symbol.asyncDispose]();
  });

  async function importAndLaunch(disk: string, flags: readonly string[]): Promise<DomainRef> {
    const name = uniqueName();
    await darkroom.json(['image', 'import', disk, '--name', name, ...flags]);
    await darkroom.json(['instance', 'launch', name, '--image', name, '--network', network.name]);
    launched.push(name);
    return { uri: SYSTEM_URI, name };
  }

  async function remove(domain: DomainRef): Promise<void> {
    await darkroom.json(['instance', 'delete', domain.name]);
    await darkroom.json(['image', 'delete', domain.name]);
  }

  it('of VMware boots as an instance, and its image cannot be deleted while the instance is there', async () => {
    const disk = path.join(darkroom.folder, 'tiny.vmdk');
    const source = await tinyGuestImage('bios');
    await runCommand('qemu-img', [
      'convert',
      '-f',
      'qcow2',
      '-O',
      'vmdk',
      '-o',
      'subformat=streamOptimized',
      source,
      disk,
    ]);
    const domain = await importAndLaunch(disk, []);
    await waitForAgent(domain, 90_000);
    expect(await readGuestFile(domain, '/etc/hostname')).not.toBe('');

    const refused = await darkroom.run(['image', 'delete', domain.name]);
    expect(refused.exitCode).toBe(4);
    expect(refused.stderr).toContain(domain.name);
    await remove(domain);
  });

  it('boots with the firmware that it was imported with', async () => {
    const domain = await importAndLaunch(await tinyGuestImage('uefi'), ['--firmware', 'uefi']);
    await waitForAgent(domain, 90_000);
    expect(await runInGuest(domain, 'ls -d /sys/firmware/efi')).toBe('/sys/firmware/efi\n');
    await remove(domain);
  });
});
