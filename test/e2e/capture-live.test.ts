import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assertClean, recordGuest } from './support/assert-clean.ts';
import { capture, expectRefusal, inspectImageFile, listImages, waitForOverlay } from './support/captures.ts';
import { startCounting } from './support/counters.ts';
import { makeExtraDisks } from './support/extra-disks.ts';
import { waitForAgent } from './support/guest-agent.ts';
import { readFileInImage } from './support/images.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { createTestFolder, type TestFolder } from './support/test-folder.ts';
import { bootTinyGuest, type Guest } from './support/tiny-guest.ts';
import { onDomain, SYSTEM_URI } from './support/virsh.ts';

describe('image create of a guest that runs', () => {
  let folder: TestFolder;
  let guest: Guest;
  let darkroom: DarkroomHost;

  beforeAll(async () => {
    folder = await createTestFolder();
    guest = await bootTinyGuest({
      disks: [
        { target: 'vda', format: 'qcow2', backing: true },
        { target: 'vdb', format: 'raw', sizeMiB: 64 },
      ],
      cdrom: '',
      extraDevices: await makeExtraDisks(folder.path),
    });
    darkroom = await createDarkroomHost({ env: { DARKROOM_VIRT_TYPE: 'qemu' } });
  });
  afterAll(async () => {
    await darkroom?.[Symbol.asyncDispose]();
    await guest?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  it('rows 1, 2, 14, 21: captures all disks quiesced into files that stand alone, and the guest runs on', async () => {
    const before = await recordGuest(guest);
    const extraFiles = await readdir(folder.path);
    for (const mount of ['', '/mnt/vdb', '/mnt/vdc']) await guest.writeFile(`${mount}/stamp`, `on ${mount}\n`);
    const args = ['--name', 'quiesced one', '--consistency', 'quiesced', '--description', 'a "b" <c>'];
    const image = await capture(darkroom, guest, args);
    expect(image).toMatchObject({
      name: 'quiesced one',
      status: 'active',
      description: 'a "b" <c>',
      consistency: { requested: 'quiesced', achieved: 'quiesced', pauseMs: 0 },
    });
    expect(image.consistency?.freezeMs).toBeGreaterThan(0);
    expect(image.consistency?.freezeMs).toBeLessThan(8000);
    expect(image.disks.map(({ target }) => target)).toEqual(['vda', 'vdb', 'vdc']);
    for (const [index, mount] of ['', '/mnt/vdb', '/mnt/vdc'].entries()) {
      const { target = '', format, virtualSizeBytes } = image.disks[index] ?? {};
      const file = await inspectImageFile(darkroom.store, image, target);
      expect(file).toMatchObject({ format, 'virtual-size': virtualSizeBytes });
      expect(file['backing-filename']).toBeUndefined();
      expect(file['format-specific'].data['data-file']).toBeUndefined();
      expect(await readFileInImage(darkroom.store, image, { target, path: '/stamp' })).toBe(`on ${mount}\n`);
    }
    await assertClean(before, darkroom);
    expect(await readdir(folder.path)).toEqual(extraFiles);
  });

  it('leaves CD-ROM, floppy, read-only and shareable disks out and names them', async () => {
    const [image] = await listImages(darkroom);
    const skipped = [...(image?.skippedDisks ?? [])].sort((left, right) => left.target.localeCompare(right.target));
    expect(skipped).toEqual([
      { target: 'fda', device: 'floppy', reason: 'floppy' },
      { target: 'sdz', device: 'cdrom', reason: 'cdrom' },
      { target: 'vdd', device: 'disk', reason: 'readonly' },
      { target: 'vde', device: 'disk', reason: 'shareable' },
    ]);
  });

  it.each([
    ['paused', 'paused'],
    ['crash', 'crash'],
    ['auto', 'quiesced'],
  ])('row 26: one instant for all disks with --consistency %s', async (requested, achieved) => {
    const before = await recordGuest(guest);
    await using _counting = await startCounting(guest, ['vdb', 'vdc']);
    const image = await capture(darkroom, guest, ['--name', `counters ${requested}`, '--consistency', requested]);
    expect(image.consistency).toMatchObject({ requested, achieved });
    const { pauseMs = 0, freezeMs = 0 } = image.consistency ?? {};
    expect([pauseMs > 0, freezeMs > 0]).toEqual([achieved === 'paused', achieved === 'quiesced']);
    expect(Math.max(pauseMs, freezeMs)).toBeLessThan(4000);
    const first = Number(await readFileInImage(darkroom.store, image, { target: 'vdb', path: '/count' }));
    const second = Number(await readFileInImage(darkroom.store, image, { target: 'vdc', path: '/count' }));
    expect(first).toBeGreaterThan(0);
    expect([0, 1]).toContain(first - second);
    expect(Number(await guest.readFile('/mnt/vdc/count'))).toBeGreaterThan(second);
    await assertClean(before, darkroom);
  });

  it('rows 11, 12: the image says where it comes from, how it is to be run, and what the caller stated', async () => {
    const stated = ['--property', 'team=blue & <red>', '--property', 'os_type=linux', '--property', 'empty='];
    const image = await capture(darkroom, guest, ['--name', 'with properties', ...stated]);
    expect(image).toMatchObject({ minDiskGiB: 1, minMemoryMiB: 0, owner: 'root', visibility: 'private' });
    expect(image.properties).toEqual({
      image_type: 'snapshot',
      image_location: 'snapshot',
      image_state: 'available',
      instance_uuid: guest.uuid,
      user_id: 'root',
      base_image_ref: '',
      hw_architecture: 'x86_64',
      hw_firmware_type: 'bios',
      hw_machine_type: expect.stringMatching(/^pc-q35-/),
      hw_disk_bus: 'virtio',
      hw_qemu_guest_agent: 'yes',
      team: 'blue & <red>',
      os_type: 'linux',
      empty: '',
    });
  });

  it('row 5: captures a paused guest, which stays paused and goes on when it is resumed', async () => {
    const running = await recordGuest(guest);
    await onDomain(guest, 'suspend');
    const before = await recordGuest(guest);
    const image = await capture(darkroom, guest, ['--name', 'of a paused one']);
    await expectRefusal(darkroom, ['image', 'create', guest.name, '--name', 'x', '--consistency', 'quiesced'], {
      exitCode: 5,
      code: 'QUIESCE_UNAVAILABLE',
    });
    await assertClean(before, darkroom);
    await onDomain(guest, 'resume');
    expect(image.consistency).toEqual({ requested: 'auto', achieved: 'paused', freezeMs: 0, pauseMs: 0 });
    expect(await readFileInImage(darkroom.store, image, { path: '/stamp' })).toBe('on \n');
    expect(await guest.run('echo alive')).toBe('alive\n');
    await assertClean(running, darkroom);
  });

  it('row 7: refuses a second capture at once while the first goes on, and the first succeeds', async () => {
    const before = await recordGuest(guest);
    const count = (await listImages(darkroom)).length;
    const env = { DARKROOM_COPY_BANDWIDTH: '4MiB' };
    const first = darkroom.start(['image', 'create', guest.name, '--name', 'first'], { env });
    await waitForOverlay(guest);
    const second = ['image', 'create', guest.name, '--name', 'second'];
    await expectRefusal(darkroom, second, { exitCode: 4, code: 'INSTANCE_BUSY' });
    expect(first.output.stdout).toBe('');
    expect((await first.ended).exitCode).toBe(0);
    expect(await listImages(darkroom)).toHaveLength(count + 1);
    await assertClean(before, darkroom);
  });

  it('rows 3, 12, 13: captures a guest that was launched from an image, again into one that stands alone', async () => {
    const stated = ['--property', 'hw_rng_model=virtio', '--property', 'team=blue'];
    const base = await capture(darkroom, guest, ['--name', 'base', ...stated]);
    const name = `${guest.name}-launched`;
    await darkroom.json(['instance', 'launch', name, '--image', base.id, '--clone', 'thin']);
    try {
      const launched = { uri: SYSTEM_URI, name };
      await waitForAgent(launched);
      const image = await capture(darkroom, launched, ['--name', 'of a launched one']);
      expect(image.properties).toMatchObject({ base_image_ref: base.id, hw_rng_model: 'virtio' });
      expect(image.properties).not.toHaveProperty('team');
      expect(image.minDiskGiB).toBe(base.minDiskGiB);
      expect((await inspectImageFile(darkroom.store, image, 'vda'))['backing-filename']).toBeUndefined();
      expect(await readFileInImage(darkroom.store, image, { path: '/stamp' })).toBe('on \n');
      expect(await readFileInImage(darkroom.store, image, { target: 'vdb', path: '/stamp' })).toBe('on /mnt/vdb\n');
    } finally {
      await darkroom.run(['instance', 'delete', name]);
    }
  });
});
