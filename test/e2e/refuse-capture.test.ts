import { rename, rm, truncate } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assertClean, recordGuest } from './support/assert-clean.ts';
import { capture, expectRefusal, listImages } from './support/captures.ts';
import { runCommand } from './support/run-command.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { createTestFolder, type TestFolder, uniqueName } from './support/test-folder.ts';
import { defineBootsectorGuest, defineTinyGuest, type Guest } from './support/tiny-guest.ts';
import { type DomainRef, defineDomain, onDomain, removeDomain, SYSTEM_URI, startDomain } from './support/virsh.ts';

let darkroom: DarkroomHost;
let guest: Guest;
beforeAll(async () => {
  darkroom = await createDarkroomHost();
  guest = await defineBootsectorGuest();
});
afterAll(async () => {
  await guest?.[Symbol.asyncDispose]();
  await darkroom?.[Symbol.asyncDispose]();
});

describe('what is asked wrongly', () => {
  it.each<[string, readonly string[]]>([
    ['row 10: an empty name', ['--name', '']],
    ['row 10: a blank name', ['--name', '  ']],
    ['row 10: a name of 256 characters', ['--name', '界'.repeat(256)]],
    ['a name with a line break', ['--name', 'a\nb']],
    ['a property without a value', ['--name', 'x', '--property', 'team']],
    ['a property without a key', ['--name', 'x', '--property', '=blue']],
    ['a property with a blank in its key', ['--name', 'x', '--property', 'a b=c']],
    ['a property twice', ['--name', 'x', '--property', 'a=b', '--property', 'a=c']],
    ['row 10: a property of 256 characters', ['--name', 'x', '--property', `a=${'x'.repeat(256)}`]],
    ['row 13: a property that Darkroom sets itself', ['--name', 'x', '--property', 'image_type=backup']],
    ['row 13: a property of a signature', ['--name', 'x', '--property', 'img_signature=x']],
    ['an unknown consistency', ['--name', 'x', '--consistency', 'perfect']],
  ])('is refused before anything is touched: %s', async (_what, args) => {
    await expectRefusal(darkroom, ['image', 'create', guest.name, ...args], { exitCode: 2, code: 'INVALID_REQUEST' });
  });

  it('row 10: but a multibyte name of 255 characters is fine', async () => {
    const before = await recordGuest(guest);
    const image = await capture(darkroom, guest, ['--name', '界'.repeat(255)]);
    expect(image.name).toBe('界'.repeat(255));
    await assertClean(before, darkroom);
    await darkroom.run(['image', 'delete', image.id]);
  });

  it.each<[readonly string[], string]>([
    [['image', 'create', 'no-such-guest', '--name', 'x'], 'INSTANCE_NOT_FOUND'],
    [['image', 'create', '00000000-0000-4000-8000-000000000000', '--name', 'x'], 'INSTANCE_NOT_FOUND'],
    [['image', 'show', 'no-such-image'], 'IMAGE_NOT_FOUND'],
    [['instance', 'show', 'no-such-guest'], 'INSTANCE_NOT_FOUND'],
    [['volume', 'show', '00000000-0000-4000-8000-000000000000'], 'VOLUME_NOT_FOUND'],
    [['volume', 'list', '--instance', 'no-such-guest'], 'INSTANCE_NOT_FOUND'],
    [['operation', 'show', '00000000-0000-4000-8000-000000000000'], 'OPERATION_NOT_FOUND'],
  ])('row 9: %j is not found', async (args, code) => {
    await expectRefusal(darkroom, args, { exitCode: 3, code });
  });

  it('refuses an image name that two images have, and takes their ids', async () => {
    const images = [];
    for (let count = 0; count < 2; count++) images.push(await capture(darkroom, guest, ['--name', 'twin']));
    const message = await expectRefusal(darkroom, ['image', 'show', 'twin'], { exitCode: 4, code: 'AMBIGUOUS_NAME' });
    for (const { id } of images) {
      expect(message).toContain(id);
      expect((await darkroom.run(['image', 'show', id])).exitCode).toBe(0);
    }
    await darkroom.run(['image', 'delete', ...images.map(({ id }) => id)]);
    expect(await listImages(darkroom)).toEqual([]);
  });

  it('refuses --no-wait without an agent', async () => {
    const args = ['image', 'create', guest.name, '--name', 'x', '--no-wait'];
    await expectRefusal(darkroom, args, { exitCode: 7, code: 'AGENT_REQUIRED' });
  });

  it('says so when libvirt cannot be reached', async () => {
    const connect = ['--connect', 'qemu:///system?socket=/nonexistent'];
    for (const args of [
      ['image', 'create', guest.name, '--name', 'x'],
      ['instance', 'list'],
    ]) {
      await expectRefusal(darkroom, [...args, ...connect], { exitCode: 7, code: 'LIBVIRT_UNREACHABLE' });
    }
  });

  it('refuses what a quota on images does not allow', async () => {
    const args = ['image', 'create', guest.name, '--name', 'x'];
    const count = { DARKROOM_MAX_IMAGES: '0' };
    await expectRefusal(darkroom, args, { exitCode: 5, code: 'QUOTA_EXCEEDED', env: count });
    const bytes = { DARKROOM_MAX_IMAGE_BYTES: '1KiB' };
    await expectRefusal(darkroom, args, { exitCode: 5, code: 'QUOTA_EXCEEDED', env: bytes });
    expect(await listImages(darkroom)).toEqual([]);
  });
});

describe('a domain that cannot be captured', () => {
  let folder: TestFolder;
  beforeAll(async () => {
    folder = await createTestFolder();
  });
  afterAll(async () => {
    await folder?.[Symbol.asyncDispose]();
  });

  it.each<[string, string, string]>([
    ['without disks', '', 'NO_DISKS'],
    [
      'with a CD-ROM alone',
      "<disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>",
      'NO_DISKS',
    ],
    [
      'with a network disk',
      "<disk type='network'><driver type='raw'/><source protocol='nbd' name='x'><host name='localhost'/></source><target dev='vda'/></disk>",
      'DISK_UNSUPPORTED',
    ],
    [
      'with a disk of a format that is not captured',
      "<disk type='file'><driver type='vmdk'/><source file='/nowhere/a.vmdk'/><target dev='vda'/></disk>",
      'DISK_UNSUPPORTED',
    ],
    [
      'with a disk whose file is missing',
      "<disk type='file'><driver type='qcow2'/><source file='/nowhere/a.qcow2'/><target dev='vda'/></disk>",
      'DISK_MISSING',
    ],
  ])('is refused: %s', async (_what, disks, code) => {
    await using domain = await defineBareDomain(disks);
    await expectRefusal(darkroom, ['image', 'create', domain.name, '--name', 'x'], { exitCode: 5, code });
    expect(await listImages(darkroom)).toEqual([]);
  });

  it('is refused: with a base of its disk missing', async () => {
    await using stopped = await defineTinyGuest({ disks: [{ target: 'vda', format: 'qcow2', backing: true }] });
    const base = path.join(stopped.folder, 'vda-base.qcow2');
    await rename(base, `${base}.away`);
    const args = ['image', 'create', stopped.name, '--name', 'x'];
    const message = await expectRefusal(darkroom, args, { exitCode: 5, code: 'DISK_MISSING' });
    expect(message).toContain(base);
  });

  it.each<[string, (domain: DomainRef, disk: string) => Promise<unknown>]>([
    ['libvirt knows of', (domain) => onDomain(domain, 'snapshot-create-as', ['before'])],
    ['libvirt knows nothing of', (_domain, disk) => runCommand('qemu-img', ['snapshot', '-c', 'before', disk])],
  ])('is refused: with an internal snapshot that %s', async (_what, makeSnapshot) => {
    const disk = path.join(folder.path, 'snapshots.qcow2');
    await runCommand('qemu-img', ['create', '-q', '-f', 'qcow2', disk, '1M']);
    await using domain = await defineBareDomain(
      `<disk type='file'><driver type='qcow2'/><source file='${disk}'/><target dev='vda'/></disk>`,
    );
    await makeSnapshot(domain, disk);
    const args = ['image', 'create', domain.name, '--name', 'x'];
    await expectRefusal(darkroom, args, { exitCode: 5, code: 'INTERNAL_SNAPSHOTS' });
    await rm(disk);
  });

  it('is refused: with a disk that is cut off', async () => {
    const disk = path.join(folder.path, 'cut.qcow2');
    await runCommand('qemu-img', ['create', '-q', '-f', 'qcow2', disk, '1M']);
    await truncate(disk, 100);
    await using domain = await defineBareDomain(
      `<disk type='file'><driver type='qcow2'/><source file='${disk}'/><target dev='vda'/></disk>`,
    );
    const args = ['image', 'create', domain.name, '--name', 'x'];
    const message = await expectRefusal(darkroom, args, { exitCode: 5, code: 'DISK_UNSUPPORTED' });
    expect(message).toContain(disk);
    expect(await listImages(darkroom)).toEqual([]);
  });

  it('is refused: while a block job of somebody else works on its disk', async () => {
    await startDomain(guest);
    const copy = path.join(folder.path, 'copy.raw');
    const slowly = ['--bandwidth', '1', '--bytes', '--transient-job'];
    await onDomain(guest, 'blockcopy', ['vda', copy, '--format', 'raw', ...slowly]);
    const args = ['image', 'create', guest.name, '--name', 'x'];
    const message = await expectRefusal(darkroom, args, { exitCode: 4, code: 'INSTANCE_BUSY' });
    expect(message).toContain('block job');
    await onDomain(guest, 'blockjob', ['vda', '--abort']);
    await onDomain(guest, 'destroy');
  });
});

async function defineBareDomain(devices: string): Promise<DomainRef & AsyncDisposable> {
  const domain = { uri: SYSTEM_URI, name: uniqueName() };
  await defineDomain(
    domain.uri,
    `<domain type='qemu'><name>${domain.name}</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
       <os><type arch='x86_64' machine='q35'>hvm</type></os><devices>${devices}</devices></domain>`,
  );
  return { ...domain, [Symbol.asyncDispose]: () => removeDomain(domain) };
}
