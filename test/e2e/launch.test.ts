import { createHash } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Image } from '../../src/model/image.ts';
import { readDiskChains } from './support/disk-chains.ts';
import { imageFilePath, parseImage } from './support/images.ts';
import { launchInstance } from './support/launched-instance.ts';
import { runCommand } from './support/run-command.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { createTestFolder } from './support/test-folder.ts';
import { bootTinyGuest, type Guest } from './support/tiny-guest.ts';
import { domainExists, domainState, dumpXml, startDomain } from './support/virsh.ts';

const STAMP = 'written before the capture\n';

describe('an instance launched from the image of a running guest', () => {
  let guest: Guest;
  let darkroom: DarkroomHost;
  let image: Image;

  beforeAll(async () => {
    guest = await bootTinyGuest();
    darkroom = await createDarkroomHost();
    await guest.writeFile('/stamp', STAMP);
    image = parseImage(await darkroom.json(['image', 'create', guest.name, '--name', 'golden']));
  });

  afterAll(async () => {
    await darkroom?.[Symbol.asyncDispose]();
    await guest?.[Symbol.asyncDispose]();
  });

  it('row 2: has the file of its source and runs beside it', async () => {
    await using launched = await launchInstance(darkroom, 'golden');
    await launched.waitForAgent();
    expect(await launched.readFile('/stamp')).toBe(STAMP);
    await launched.run('echo mine >/mine && sync');
    expect(await domainState(guest)).toBe('running');
    expect(await guest.run('ls /mine 2>/dev/null; true')).toBe('');
    expect(launched.instance).toMatchObject({ state: 'active', imageId: image.id, name: launched.name });
    expect(launched.instance.id).not.toBe(guest.uuid);
  });

  it('has the file of its source too where the image is encrypted, on disks that are not', async () => {
    await using folder = await createTestFolder();
    const keyFile = path.join(folder.path, 'key');
    await writeFile(keyFile, 'correct horse battery staple\n', { mode: 0o600 });
    await using keyed = await createDarkroomHost({ env: { DARKROOM_ENCRYPTION_KEY_FILE: keyFile } });
    const sealed = parseImage(await keyed.json(['image', 'create', guest.name, '--name', 'sealed', '--encrypt']));
    expect(sealed.isEncrypted).toBe(true);
    expect(await runCommand('qemu-img', ['info', imageFilePath(keyed.store, sealed)])).toContain('encrypted: yes');
    expect(await domainState(guest)).toBe('running');
    await using launched = await launchInstance(keyed, 'sealed');
    await launched.waitForAgent();
    expect(await launched.readFile('/stamp')).toBe(STAMP);
    expect(launched.warnings.join()).toContain('the disks of the instance are not');
    const thin = await keyed.run(['instance', 'launch', 'x', '--image', 'sealed', '--clone', 'thin']);
    expect(thin.stderr).toContain('--clone full');
  });

  it('leaves the image as it was: owner, mode and content, while it runs and after', async () => {
    const file = imageFilePath(darkroom.store, image);
    const before = await describeFile(file);
    expect(before).toMatchObject({ uid: 0, mode: 0o440 });
    await using launched = await launchInstance(darkroom, image.id);
    await launched.waitForAgent();
    await launched.run('echo more >/more && sync');
    expect(await describeFile(file)).toEqual(before);
    await darkroom.json(['instance', 'stop', launched.name]);
    expect(await describeFile(file)).toEqual(before);
    await startDomain(launched);
    await launched.waitForAgent();
    expect(await launched.readFile('/more')).toBe('more\n');
    expect(await describeFile(file)).toEqual(before);
    expect(before.sha256).toBe(image.disks[0]?.sha256 ?? before.sha256);
  });

  it('shares no file with its source but the image that it is built on', async () => {
    await using launched = await launchInstance(darkroom, image.id);
    const mine = pathsOf(await dumpXml(launched));
    const theirs = pathsOf(await dumpXml(guest));
    const both = mine.filter((file) => theirs.includes(file));
    expect(both.filter((file) => !isOfEveryDomain(file))).toEqual([]);
    expect(mine).toContain(imageFilePath(darkroom.store, image));
    expect(launched.warnings[0]).toContain(guest.serialLog);
    expect(await readDiskChains(launched)).toEqual({
      vda: [path.join(launched.folder, 'disk-vda.qcow2'), imageFilePath(darkroom.store, image)],
    });
  });

  it('keeps its image from being deleted, and frees it with its own delete, which leaves nothing else', async () => {
    await using launched = await launchInstance(darkroom, image.id);
    await launched.waitForAgent();
    const refused = await darkroom.run(['image', 'delete', image.id]);
    expect(refused).toMatchObject({ exitCode: 4 });
    expect(refused.stderr).toContain(launched.name);
    await darkroom.json(['instance', 'delete', launched.name]);
    expect(await domainExists(launched)).toBe(false);
    expect(await readdir(darkroom.instancesDir)).toEqual([]);
    expect(await findFilesNamed(launched.name, launched.instance.id)).toEqual([]);
    expect(await readdir(path.join(darkroom.store, 'images', image.id, 'users'))).toEqual([]);
    expect((await stat(imageFilePath(darkroom.store, image))).isFile()).toBe(true);
  });

  it('is independent of the image as a full clone', async () => {
    const own = parseImage(await darkroom.json(['image', 'create', guest.name, '--name', 'for one clone']));
    await using launched = await launchInstance(darkroom, own.id, { args: ['--clone', 'full'] });
    await darkroom.json(['image', 'delete', own.id]);
    await launched.waitForAgent();
    expect(await launched.readFile('/stamp')).toBe(STAMP);
    expect(await readDiskChains(launched)).toEqual({ vda: [path.join(launched.folder, 'disk-vda.qcow2')] });
  });

  it('row 3: can be captured itself, and launched from again', async () => {
    await using first = await launchInstance(darkroom, image.id);
    await first.waitForAgent();
    await first.run('echo second >/second && sync');
    const next = parseImage(await darkroom.json(['image', 'create', first.name, '--name', 'second']));
    await using second = await launchInstance(darkroom, next.id);
    await second.waitForAgent();
    expect(await second.readFile('/stamp')).toBe(STAMP);
    expect(await second.readFile('/second')).toBe('second\n');
    expect(await describeFile(imageFilePath(darkroom.store, image))).toMatchObject({ uid: 0, mode: 0o440 });
    await darkroom.json(['instance', 'delete', second.name]);
    await darkroom.json(['image', 'delete', next.id]);
  });
});

it('row 28: an instance launched from a UEFI guest has the variables of its source as its own, and a new TPM', async () => {
  await using guest = await bootTinyGuest({ firmware: 'uefi', tpm: true });
  await using darkroom = await createDarkroomHost();
  await guest.writeFile('/stamp', STAMP);
  await guest.run('efi-variable write source && tpm-value write original');
  await darkroom.json(['image', 'create', guest.name, '--name', 'golden']);

  await using launched = await launchInstance(darkroom, 'golden');
  await launched.waitForAgent();
  expect(await launched.readFile('/stamp')).toBe(STAMP);
  expect(await launched.run('efi-variable read')).toBe('source');
  await launched.run('efi-variable write launched');
  expect(launched.warnings.join(' ')).toContain('TPM is new');
  await expect(launched.run('tpm-value read')).rejects.toThrow();
  await launched.run('tpm-value write anothers');
  expect(await guest.run('efi-variable read && tpm-value read')).toBe('sourceoriginal');

  await darkroom.json(['instance', 'reboot', launched.name, '--force']);
  await launched.waitForAgent();
  expect(await launched.run('efi-variable read && tpm-value read')).toBe('launchedanothers');
  await darkroom.json(['instance', 'delete', launched.name]);
  expect(await readdir(darkroom.instancesDir)).toEqual([]);
  expect(await findFilesNamed(launched.name, launched.instance.id)).toEqual([]);
});

async function describeFile(file: string) {
  const { uid, gid, mode, size } = await stat(file);
  const sha256 = createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
  return { uid, gid, mode: mode & 0o777, size, sha256 };
}

function isOfEveryDomain(file: string): boolean {
  return file.startsWith('/usr/') || ['/dev/urandom', '/machine'].includes(file);
}

/** Everything in a domain's XML that is a path. */
function pathsOf(xml: string): string[] {
  return [...xml.matchAll(/[>'"](\/[^<>'"]+)[<'"]/g)].map((match) => match[1] ?? '');
}

/** What libvirt may keep of a domain outside of its folder. */
async function findFilesNamed(...names: readonly string[]): Promise<string[]> {
  const places = ['/var/lib/libvirt/qemu', '/var/lib/libvirt/swtpm', '/etc/libvirt/qemu'];
  const found = await runCommand('find', [
    ...places,
    ...names.flatMap((name, index) => [...(index === 0 ? [] : ['-o']), '-name', `*${name}*`]),
  ]);
  return found.split('\n').filter(Boolean);
}
