import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { isFrozen } from './support/guest-agent.ts';
import { bootTinyGuest, defineBootsectorGuest } from './support/tiny-guest.ts';
import { domainExists, domainState, onDomain, shutDown, startDomain } from './support/virsh.ts';
import { waitUntil } from './support/wait-until.ts';

describe('test guests', () => {
  it('boots a tiny guest, runs a command in it, freezes, thaws and shuts it down', async () => {
    await using guest = await bootTinyGuest({
      disks: [
        { target: 'vda', format: 'qcow2', backing: true },
        { target: 'vdb', format: 'raw', sizeMiB: 64 },
      ],
    });
    await guest.writeFile('/mnt/vdb/greeting', 'hello from the data disk\n');
    expect(await guest.readFile('/mnt/vdb/greeting')).toBe('hello from the data disk\n');
    expect(await guest.run('grep -c " ext4 " /proc/mounts')).toBe('2\n');

    await onDomain(guest, 'domfsfreeze');
    expect(await isFrozen(guest)).toBe(true);
    await onDomain(guest, 'domfsthaw');
    expect(await isFrozen(guest)).toBe(false);

    await shutDown(guest);
    expect(await readFile(guest.serialLog, 'utf8')).toContain('READY');
  });

  it('keeps an EFI variable and a TPM value over a shutdown of a UEFI guest', async () => {
    await using guest = await bootTinyGuest({ firmware: 'uefi', tpm: true });
    await guest.run('efi-variable write first; efi-variable write second; tpm-value write kept-too');
    await shutDown(guest);
    await guest.boot();
    expect(await guest.run('efi-variable read; tpm-value read')).toBe('secondkept-too');
  });

  it('runs a boot sector under KVM that counts on its disk', async () => {
    await using guest = await defineBootsectorGuest();
    await startDomain(guest);
    const counter = async (): Promise<number> => {
      const disk = await readFile(`${guest.folder}/vda.raw`);
      return disk.readUInt32LE(512);
    };
    await waitUntil('the counter runs', async () => (await counter()) > 10, { timeoutMs: 30_000 });
    expect(await domainState(guest)).toBe('running');
  });

  it('leaves no domain behind', async () => {
    const guest = await defineBootsectorGuest();
    await startDomain(guest);
    await guest[Symbol.asyncDispose]();
    expect(await domainExists(guest)).toBe(false);
  });
});
