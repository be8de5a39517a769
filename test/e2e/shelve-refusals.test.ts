import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assertClean, recordGuest } from './support/assert-clean.ts';
import { expectRefusal } from './support/captures.ts';
import { waitForAgent } from './support/guest-agent.ts';
import { holdRequest } from './support/kill-harness.ts';
import { createLoopDevice } from './support/loop-device.ts';
import { createMount, type Mount } from './support/loop-mount.ts';
import { keepData } from './support/machine-record.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { expectNotShelved, expectOffloaded, listShelf, shelve, showInstance, unshelve } from './support/shelf.ts';
import { createTestFolder, type TestFolder } from './support/test-folder.ts';
import { bootTinyGuest, defineBootsectorGuest, defineTinyGuest, type Guest } from './support/tiny-guest.ts';
import { domainState } from './support/virsh.ts';

let darkroom: DarkroomHost;
let folder: TestFolder;
beforeAll(async () => {
  darkroom = await createDarkroomHost();
  folder = await createTestFolder();
});
afterAll(async () => {
  await folder?.[Symbol.asyncDispose]();
  await darkroom?.[Symbol.asyncDispose]();
});

describe('row 52: what cannot be shelved is refused before the guest is touched', () => {
  const pci =
    "<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0' bus='255' slot='31' function='7'/></source></hostdev>";
  const shared = (file: string): string =>
    `<disk type='file'><driver type='raw'/><source file='${file}'/><target dev='vdx'/><shareable/></disk>`;
  const network =
    "<disk type='network'><driver type='raw'/><source protocol='nbd' name='x'><host name='localhost'/></source><target dev='vdx'/></disk>";

  it.each<[string, () => string, string]>([
    ['a PCI device of the host', () => pci, 'INSTANCE_UNSUPPORTED'],
    ['a shareable disk', () => shared(path.join(folder.path, 'shared.raw')), 'INSTANCE_UNSUPPORTED'],
    ['a network disk', () => network, 'DISK_UNSUPPORTED'],
  ])('%s', async (_what, devices, code) => {
    await writeFile(path.join(folder.path, 'shared.raw'), Buffer.alloc(1024 ** 2));
    await using guest = await defineTinyGuest({ extraDevices: devices() });
    const before = await recordGuest(guest);
    await expectRefusal(darkroom, ['instance', 'shelve', guest.name], { exitCode: 5, code });
    await assertClean(before, darkroom);
    expect(await listShelf(darkroom.store)).toEqual([]);
  });

  it('a block device of the host', async () => {
    await using device = await createLoopDevice(1024);
    await using guest = await defineTinyGuest({ disks: [{ target: 'vda', format: 'raw', path: device.path }] });
    const before = await recordGuest(guest);
    await expectRefusal(darkroom, ['instance', 'shelve', guest.name], { exitCode: 5, code: 'INSTANCE_UNSUPPORTED' });
    await assertClean(before, darkroom);
  });
});

describe('where the store is short of space', () => {
  let mount: Mount;
  let guest: Guest;
  beforeAll(async () => {
    mount = await createMount('ext4', 96);
    guest = await bootTinyGuest();
  });
  afterAll(async () => {
    await guest?.[Symbol.asyncDispose]();
    await mount?.[Symbol.asyncDispose]();
  });

  it('row 46: a running guest is refused and goes on, when there is no room for its image', async () => {
    await using small = await createDarkroomHost({
      store: path.join(mount.path, 'store'),
      env: { DARKROOM_RESERVE_BYTES: '90MiB' },
    });
    const before = await recordGuest(guest);
    await expectRefusal(small, ['instance', 'shelve', guest.name], { exitCode: 5, code: 'NO_SPACE' });
    await assertClean(before, small);
  });

  it('row 52: a guest that ran runs again when the store fills up half-way, and no image is left', async () => {
    await using small = await createDarkroomHost({
      store: path.join(mount.path, 'store'),
      env: { DARKROOM_RESERVE_BYTES: '0', DARKROOM_COPY_BANDWIDTH: '2MiB' },
    });
    await guest.run('echo kept >/kept');
    const before = await recordGuest(guest);
    const running = small.start(['instance', 'shelve', guest.name, '--json']);
    await expect.poll(() => running.output.stderr, { timeout: 60_000 }).toContain('"step":"copy"');
    await writeFile(path.join(mount.path, 'junk'), Buffer.alloc(96 * 1024 ** 2)).catch(() => undefined);
    const { exitCode, stderr } = await running.ended;
    expect([exitCode, stderr]).toEqual([6, expect.stringContaining('STORE_WRITE_FAILED')]);
    await rm(path.join(mount.path, 'junk'));
    expect(await domainState(guest)).toBe('running');
    await waitForAgent(guest);
    await assertClean(before, small);
    await expectNotShelved(small, guest);
    expect(await guest.readFile('/kept')).toBe('kept\n');
  });
});

describe('a shelved instance', () => {
  let guest: Guest;
  beforeAll(async () => {
    guest = await defineTinyGuest();
    await shelve(darkroom, guest.name);
  });
  afterAll(async () => {
    await guest?.[Symbol.asyncDispose]();
  });

  it.each<[string, readonly string[]]>([
    ['row 36', ['instance', 'shelve', '<it>']],
    ['row 36', ['instance', 'start', '<it>']],
    ['row 36', ['instance', 'pause', '<it>']],
    ['row 8', ['image', 'create', '<it>', '--name', 'x']],
  ])('%s: %j is a conflict', async (_row, words) => {
    const args = words.map((word) => (word === '<it>' ? guest.name : word));
    await expectRefusal(darkroom, args, { exitCode: 4, code: 'INSTANCE_STATE' });
    await expectOffloaded(darkroom, guest);
  });

  it('row 48: keeps its image from being deleted', async () => {
    const image = await expectOffloaded(darkroom, guest);
    const message = await expectRefusal(darkroom, ['image', 'delete', image.id], { exitCode: 4, code: 'IMAGE_IN_USE' });
    expect(message).toContain(guest.name);
  });

  it('row 49, row 50: is a conflict while another host has claimed it, until the claim is stolen', async () => {
    const claim = { host: 'far-away', operationId: '6f1d5c1e-0d0c-4c58-9a43-3d7f3a1b2c4d', kind: 'instance.unshelve' };
    const file = path.join(darkroom.store, 'instances', `${guest.uuid}.claim`);
    await writeFile(file, JSON.stringify({ instanceId: guest.uuid, ...claim, since: new Date().toISOString() }));
    const args = ['instance', 'unshelve', guest.name];
    const message = await expectRefusal(darkroom, args, { exitCode: 4, code: 'INSTANCE_BUSY' });
    expect(message).toContain('far-away');
    await unshelve(darkroom, guest.name, ['--steal']);
    await expectNotShelved(darkroom, guest);
  });

  it('row 45: is none when it is on its host: unshelve and offload conflict, and an unknown one is not found', async () => {
    for (const verb of ['unshelve', 'offload']) {
      await expectRefusal(darkroom, ['instance', verb, guest.name], { exitCode: 4, code: 'INSTANCE_STATE' });
      await expectRefusal(darkroom, ['instance', verb, 'nobody'], { exitCode: 3, code: 'INSTANCE_NOT_FOUND' });
    }
    await expectRefusal(darkroom, ['instance', 'shelve', 'nobody'], { exitCode: 3, code: 'INSTANCE_NOT_FOUND' });
  });

  it('row 47: is still shelved where its place is taken, and a retry works', async () => {
    await shelve(darkroom, guest.name);
    const disk = guest.disks[0]?.path ?? '';
    await mkdir(disk);
    expect(await darkroom.run(['instance', 'unshelve', guest.name])).toMatchObject({ exitCode: 4 });
    await rm(disk, { recursive: true });
    await expectOffloaded(darkroom, guest);
    await unshelve(darkroom, guest.name);
    await expectNotShelved(darkroom, guest);
  });
});

it('row 48: deleting a shelved instance deletes its record and its image', async () => {
  await using guest = await defineTinyGuest();
  await shelve(darkroom, guest.name);
  const image = await expectOffloaded(darkroom, guest);
  await darkroom.json(['instance', 'delete', guest.name]);
  await expectRefusal(darkroom, ['image', 'show', image.id], { exitCode: 3, code: 'IMAGE_NOT_FOUND' });
  await expectRefusal(darkroom, ['instance', 'show', guest.uuid], { exitCode: 3, code: 'INSTANCE_NOT_FOUND' });
  expect(await listShelf(darkroom.store)).toEqual([]);
});

it('row 54, row 48: a missing image is told and harms nothing, and does not block the delete', async () => {
  await using guest = await defineTinyGuest();
  await shelve(darkroom, guest.name);
  const image = await expectOffloaded(darkroom, guest);
  await rm(path.join(darkroom.store, 'images', image.id), { recursive: true });
  const args = ['instance', 'unshelve', guest.name];
  await expectRefusal(darkroom, args, { exitCode: 3, code: 'IMAGE_NOT_FOUND' });
  expect(await showInstance(darkroom, guest.name)).toMatchObject({ state: 'shelved_offloaded' });
  expect(await listShelf(darkroom.store)).toEqual([`${guest.uuid}.json`]);
  await darkroom.json(['instance', 'delete', guest.name]);
  expect(await listShelf(darkroom.store)).toEqual([]);
});

it('row 50: a second command for the same instance is a conflict while the first works', async () => {
  await using guest = await defineBootsectorGuest();
  await using data = await keepData(guest);
  const request = {
    kind: 'instance.shelve',
    instance: guest.name,
    isOffloaded: true,
    shutdownTimeoutMs: 0,
    keepsMemory: false,
  } as const;
  const first = holdRequest(darkroom, guest.uri, {
    request,
    at: { call: 'hypervisor.undefineDomain', nth: 1, when: 'before' },
  });
  await first.held();
  for (const verb of ['shelve', 'unshelve', 'offload']) {
    expect(await darkroom.run(['instance', verb, guest.name]), verb).toMatchObject({ exitCode: 4 });
  }
  first.release();
  await first.process.ended;
  await expectOffloaded(darkroom, guest);
  await unshelve(darkroom, guest.name);
  await data.expectDisks();
});
