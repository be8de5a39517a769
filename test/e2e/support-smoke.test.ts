import { access, appendFile, constants, copyFile, rm, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { assertClean, recordGuest } from './support/assert-clean.ts';
import { expectToGoOn, readMemory, startTicking } from './support/guest-memory.ts';
import { createLoopDevice } from './support/loop-device.ts';
import { createMount } from './support/loop-mount.ts';
import { keepData, readDefinition, readFirmware } from './support/machine-record.ts';
import { runCommand } from './support/run-command.ts';
import { useSharedGuest } from './support/shared-guest.ts';
import { createTestNetwork } from './support/test-network.ts';
import { bootTinyGuest, defineBootsectorGuest, defineTinyGuest, type Guest } from './support/tiny-guest.ts';
import { domainExists, listDisks, onDomain, startDomain } from './support/virsh.ts';
import { waitUntil } from './support/wait-until.ts';

describe('test guests', () => {
  it('leaves no domain and no folder behind', async () => {
    const { name, uri, folder } = await runBriefly();
    expect(await domainExists({ uri, name })).toBe(false);
    await expect(access(folder)).rejects.toThrow('ENOENT');
  });

  async function runBriefly(): Promise<Guest> {
    await using guest = await defineBootsectorGuest({ virtType: 'qemu' });
    await startDomain(guest);
    return guest;
  }
});

describe('test support', () => {
  const guest = useSharedGuest({ disks: [{ target: 'vda', format: 'qcow2', backing: true }] });

  it('finds a guest clean that is as it was', async () => {
    const record = await recordGuest(guest());
    expect(record.chains).toEqual({ vda: [`${guest().folder}/vda.qcow2`, `${guest().folder}/vda-base.qcow2`] });
    await assertClean(record);
  });

  it('sees a guest that is frozen, paused, on an overlay or has a file too many', async () => {
    const record = await recordGuest(guest());
    const disk = `${guest().folder}/vda.qcow2`;
    const changes = [
      { command: 'domfsfreeze', args: [], undo: ['domfsthaw'], seen: 'frozen' },
      { command: 'suspend', args: [], undo: ['resume'], seen: 'power state' },
      {
        command: 'snapshot-create-as',
        args: ['--no-metadata', '--disk-only', '--diskspec', `vda,file=${disk}.x.overlay.qcow2`],
        undo: ['blockcommit', 'vda', '--shallow', '--active', '--pivot', '--wait'],
        seen: 'disk chains',
      },
    ];
    for (const { command, args, undo, seen } of changes) {
      await onDomain(guest(), command, args);
      await expect(assertClean(record), command).rejects.toThrow(seen);
      await onDomain(guest(), undo[0] ?? '', undo.slice(1));
    }
    await expect(assertClean(record)).rejects.toThrow('files beside the disks');
    await rm(`${disk}.x.overlay.qcow2`);
    await assertClean(record);
  });

  it('sees one byte, one element or one firmware variable that a machine did not keep', async () => {
    await using machine = await defineTinyGuest({
      firmware: 'uefi',
      disks: [
        { target: 'vda', format: 'qcow2' },
        { target: 'vdb', format: 'raw', sizeMiB: 8 },
      ],
    });
    await onDomain(machine, 'start');
    await onDomain(machine, 'destroy');
    await using data = await keepData(machine);
    await data.expectDisks();
    const before = await readDefinition(machine);
    expect(await readDefinition(machine)).toEqual(before);
    for (const disk of machine.disks) {
      await runCommand('qemu-io', ['-f', disk.format, '-c', 'write -q -P 9 5M 1', disk.path]);
      expect(await data.compare(disk.target, disk), disk.target).toContain('mismatch');
      await expect(data.expectDisks(), disk.target).rejects.toThrow('content of');
    }
    await onDomain(machine, 'desc', ['--config', 'new']);
    expect(await readDefinition(machine)).not.toEqual(before);
    expect(await readFirmware(machine)).toEqual(data.firmware);
    const [file = ''] = Object.keys(data.firmware);
    await appendFile(file, 'x');
    expect(await readFirmware(machine)).not.toEqual(data.firmware);
  });

  it('sees that a guest has booted anew instead of going on', async () => {
    await startTicking(guest());
    const memory = await readMemory(guest());
    await expectToGoOn(guest(), memory);
    await expect(expectToGoOn(guest(), { ...memory, bootId: 'another' })).rejects.toThrow('boot');
    await guest().run('kill $(cat /run/ticker)');
  });

  it('gives a guest an address in a network of its own', async () => {
    await using network = await createTestNetwork();
    await using networked = await bootTinyGuest({ network: network.name });
    const hasLease = async (): Promise<boolean> =>
      (await networked.run('ip -4 -o addr show eth0')).includes(network.gateway.replace(/1$/, ''));
    await waitUntil('the guest has an address', hasLease, { timeoutMs: 60_000 });
  });

  it.each(['xfs', 'ext4', 'tmpfs'] as const)('mounts a %s that QEMU reaches and that fills up', async (kind) => {
    await using mount = await createMount(kind, 320);
    await writeFile(`${mount.path}/small`, 'x');
    if (kind === 'xfs') await copyFile(`${mount.path}/small`, `${mount.path}/clone`, constants.COPYFILE_FICLONE_FORCE);
    await expect(writeFile(`${mount.path}/large`, Buffer.alloc(400 * 1024 * 1024))).rejects.toThrow('ENOSPC');
  });

  it('gives a guest a host block device as its disk', async () => {
    await using device = await createLoopDevice(1024);
    await using onDevice = await defineTinyGuest({ disks: [{ target: 'vda', format: 'raw', path: device.path }] });
    await onDevice.boot();
    expect(await listDisks(onDevice)).toEqual(new Map([['vda', device.path]]));
  });
});
