import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { capture } from './support/captures.ts';
import { waitForAgent } from './support/guest-agent.ts';
import { expectToGoOn, readMemory, startTicking } from './support/guest-memory.ts';
import { launchInstance } from './support/launched-instance.ts';
import { keepData, readDefinition, readFirmware } from './support/machine-record.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { useSharedGuest } from './support/shared-guest.ts';
import {
  existing,
  expectNotShelved,
  expectOffloaded,
  type Machine,
  shelve,
  showInstance,
  unshelve,
} from './support/shelf.ts';
import { createSshKey } from './support/ssh.ts';
import { bootTinyGuest, defineBootsectorGuest, type Guest } from './support/tiny-guest.ts';
import { domainState, onDomain, shutDown, startDomain } from './support/virsh.ts';

let darkroom: DarkroomHost;
beforeAll(async () => {
  darkroom = await createDarkroomHost();
});
afterAll(async () => {
  await darkroom?.[Symbol.asyncDispose]();
});

describe('a BIOS guest with a qcow2 and a raw disk', () => {
  const guest = useSharedGuest({
    disks: [
      { target: 'vda', format: 'qcow2' },
      { target: 'vdb', format: 'raw', sizeMiB: 64 },
    ],
  });

  it('row 36, row 38, row 42: a running one is shut down in an orderly way, and comes back running with all it had', async () => {
    await guest().run('head -c 3000000 /dev/urandom >/mnt/vdb/noise; echo not synced >/late; echo too >/mnt/vdb/late');
    const sums = 'sha256sum /mnt/vdb/noise /late /mnt/vdb/late /bin/busybox';
    const before = await guest().run(sums);
    const bootId = await guest().readFile('/proc/sys/kernel/random/boot_id');
    const definition = await readDefinition(guest());
    const started = Date.now();
    expect(await shelve(darkroom, guest().name)).toMatchObject({ state: 'shelved_offloaded', host: null });
    expect(Date.now() - started, 'the timeout never came').toBeLessThan(30_000);
    await expectOffloaded(darkroom, guest());
    expect(await unshelve(darkroom, guest().uuid)).toMatchObject({ state: 'active', id: guest().uuid });
    await expectNotShelved(darkroom, guest());
    await waitForAgent(guest());
    expect(await guest().run(sums)).toBe(before);
    expect(await guest().readFile('/proc/sys/kernel/random/boot_id')).not.toBe(bootId);
    expect(await readDefinition(guest())).toEqual(definition);
  });

  it('row 36, row 53: a paused one comes back paused', async () => {
    await guest().run('sync');
    await onDomain(guest(), 'suspend');
    const definition = await readDefinition(guest());
    await shelve(darkroom, guest().name);
    await expectOffloaded(darkroom, guest());
    expect(await unshelve(darkroom, guest().name)).toMatchObject({ state: 'paused' });
    await expectNotShelved(darkroom, guest());
    expect(await readDefinition(guest())).toEqual(definition);
    await onDomain(guest(), 'resume');
    await waitForAgent(guest());
    expect(await guest().readFile('/late')).toBe('not synced\n');
  });

  it('row 36, row 53: one that is off comes back off, its disks byte for byte', async () => {
    await shutDown(guest());
    await using data = await keepData(guest());
    const definition = await readDefinition(guest());
    await shelve(darkroom, guest().name);
    await expectOffloaded(darkroom, guest());
    expect(await unshelve(darkroom, guest().name)).toMatchObject({ state: 'stopped' });
    await expectNotShelved(darkroom, guest());
    await data.expectDisks();
    expect(await readDefinition(guest())).toEqual(definition);
  });

  it('row 53: one that ran stays off when that is asked', async () => {
    await guest().boot();
    await shelve(darkroom, guest().name);
    expect(await unshelve(darkroom, guest().name, ['--no-start'])).toMatchObject({ state: 'stopped' });
    await expectNotShelved(darkroom, guest());
    await guest().boot();
  });
});

it('row 36, row 53: a suspended guest comes back suspended, and goes on where it was when it is started', async () => {
  await using guest = await bootTinyGuest();
  await startTicking(guest);
  const memory = await readMemory(guest);
  await darkroom.json(['instance', 'suspend', guest.name]);
  const definition = await readDefinition(guest);
  expect(definition.hasManagedSave).toBe(true);
  await shelve(darkroom, guest.name);
  await expectOffloaded(darkroom, guest);
  expect(await unshelve(darkroom, guest.name)).toMatchObject({ state: 'suspended' });
  await expectNotShelved(darkroom, guest);
  expect(await readDefinition(guest)).toEqual(definition);
  expect(await darkroom.json(['instance', 'start', guest.name])).toMatchObject({ state: 'active' });
  await waitForAgent(guest, 20_000);
  await expectToGoOn(guest, memory);
});

it('row 38: a guest that does not listen is forced off after the timeout', async () => {
  await using guest = await defineBootsectorGuest();
  await startDomain(guest);
  await shelve(darkroom, guest.name, ['--shutdown-timeout', '1']);
  await expectOffloaded(darkroom, guest);
  expect(await unshelve(darkroom, guest.name)).toMatchObject({ state: 'active' });
  expect(await domainState(guest)).toBe('running');
});

describe('a UEFI guest with a TPM', () => {
  const guest = useSharedGuest({ firmware: 'uefi', tpm: true });

  it('row 41: has its firmware variable and the value in its TPM after it was shelved while it ran', async () => {
    await guest().run('efi-variable write changed && tpm-value write original');
    const definition = await readDefinition(guest());
    await shelve(darkroom, guest().name);
    const image = await expectOffloaded(darkroom, guest());
    expect(image.nvram).not.toBeNull();
    expect(image.tpm.length).toBeGreaterThan(0);
    await unshelve(darkroom, guest().name);
    await waitForAgent(guest());
    expect(await guest().run('efi-variable read && tpm-value read')).toBe('changedoriginal');
    expect(await readDefinition(guest())).toEqual(definition);
  });

  it('row 41: has both byte for byte after it was shelved while it was off', async () => {
    await shutDown(guest());
    const firmware = await readFirmware(guest());
    expect(Object.keys(firmware).length).toBeGreaterThan(1);
    await using data = await keepData(guest());
    await shelve(darkroom, guest().name);
    await expectOffloaded(darkroom, guest());
    await unshelve(darkroom, guest().name);
    expect(await readFirmware(guest())).toEqual(firmware);
    await data.expectDisks();
    await guest().boot();
    expect(await guest().run('efi-variable read && tpm-value read')).toBe('changedoriginal');
  });
});

it('row 42: an instance launched thin comes back with its seed disk, standing alone, and is deleted without a trace', async () => {
  await using source: Guest = await bootTinyGuest();
  await source.writeFile('/stamp', 'of the image\n');
  const image = await capture(darkroom, source, ['--name', 'golden']);
  const key = await createSshKey(darkroom.folder);
  await using launched = await launchInstance(darkroom, image.id, { args: ['--ssh-key', `${key.file}.pub`] });
  await launched.waitForAgent();
  await launched.run('echo mine >/mine && sync');
  const { id, disks } = launched.instance;
  const files = disks.map((disk) => disk.path ?? '');
  const seed = files.find((file) => file.endsWith('.iso')) ?? '';
  const seedBytes = await readFile(seed);
  const machine: Machine = {
    ...launched,
    uuid: id,
    disks: [{ target: 'vda', format: 'qcow2', path: path.join(launched.folder, 'disk-vda.qcow2') }],
  };

  await shelve(darkroom, launched.name);
  await expectOffloaded(darkroom, machine);
  expect(await existing(files)).toEqual([]);
  expect(await showInstance(darkroom, launched.name)).toMatchObject({ imageId: image.id });
  await darkroom.json(['image', 'delete', image.id]);

  await unshelve(darkroom, launched.name);
  await expectNotShelved(darkroom, machine);
  await launched.waitForAgent();
  expect(await launched.run('cat /stamp /mine')).toBe('of the image\nmine\n');
  expect((await readFile(seed)).equals(seedBytes)).toBe(true);
  await darkroom.json(['instance', 'delete', launched.name]);
  expect(await readdir(darkroom.instancesDir)).toEqual([]);
});
