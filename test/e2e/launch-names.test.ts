import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeBootsectorImage } from './support/guest-image.ts';
import { launchInstance } from './support/launched-instance.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { uniqueName } from './support/test-folder.ts';
import { createTestNetwork } from './support/test-network.ts';
import { domainExists, domainState, SYSTEM_URI, virsh } from './support/virsh.ts';

describe('names and networks of launched instances', () => {
  let darkroom: DarkroomHost;

  beforeAll(async () => {
    darkroom = await createDarkroomHost({ env: { DARKROOM_VIRT_TYPE: 'qemu' } });
    const disk = `${darkroom.folder}/bootsector.raw`;
    await writeBootsectorImage(disk);
    await darkroom.json(['image', 'import', disk, '--format', 'raw', '--name', 'counter']);
  });
  afterAll(() => darkroom[Symbol.asyncDispose]());

  // the defaults of an imported image name libvirt's own network, which need not be active here
  async function launchOn(network: string, name: string) {
    return launchInstance(darkroom, 'counter', { name, args: ['--network', network, '--memory', '512'] });
  }

  it.each([
    ['240 bytes', (name: string) => name.padEnd(240, 'x')],
    [
      '240 bytes of several each',
      (name: string) => `${name}${'ü'.repeat(200)}`.slice(0, name.length + Math.floor((240 - name.length) / 2)),
    ],
    ['other scripts, blanks and quotes', (name: string) => `${name} 日本語 "it's" <&> 🦊`],
  ])('a name of %s is launched, shown, stopped and deleted', async (_, makeName) => {
    await using network = await createTestNetwork();
    const name = makeName(uniqueName());
    await using launched = await launchOn(network.name, name);
    expect(launched.instance).toMatchObject({ name, state: 'active' });
    expect(await darkroom.json(['instance', 'show', name])).toMatchObject({ id: launched.instance.id });
    await darkroom.json(['instance', 'stop', name, '--force']);
    await darkroom.json(['instance', 'delete', name]);
    expect(await domainExists(launched)).toBe(false);
  });

  it.each([
    ['is empty', ''],
    ['is longer than 255 characters', 'x'.repeat(256)],
    ['is longer than libvirt can keep', 'x'.repeat(241)],
    ['is a path', 'a/b'],
    ['has a line break', 'a\nb'],
  ])('a name that %s is refused as wrong usage', async (_, name) => {
    const refused = await darkroom.run(['instance', 'launch', name, '--image', 'counter']);
    expect(refused).toMatchObject({ exitCode: 2, stdout: '' });
    expect(refused.stderr).not.toBe('');
  });

  it('a name that is taken is a conflict', async () => {
    await using network = await createTestNetwork();
    await using launched = await launchOn(network.name, uniqueName());
    const refused = await darkroom.run([
      'instance',
      'launch',
      launched.name,
      '--image',
      'counter',
      '--network',
      network.name,
    ]);
    expect(refused).toMatchObject({ exitCode: 4 });
    expect(refused.stderr).toContain(launched.instance.id);
    expect(await domainState(launched)).toBe('running');
  });

  it('a network that is not there is not found, one that is off is refused with its remedy', async () => {
    const missing = await darkroom.run([
      'instance',
      'launch',
      uniqueName(),
      '--image',
      'counter',
      '--network',
      'nowhere',
    ]);
    expect(missing).toMatchObject({ exitCode: 3 });
    await using network = await createTestNetwork();
    await virsh(SYSTEM_URI, ['net-destroy', network.name]);
    const inactive = await darkroom.run([
      'instance',
      'launch',
      uniqueName(),
      '--image',
      'counter',
      '--network',
      network.name,
    ]);
    expect(inactive).toMatchObject({ exitCode: 5 });
    expect(inactive.stderr).toContain(`virsh net-start ${network.name}`);
  });

  it('too little memory, an unknown image and no image are refused', async () => {
    const launch = (...args: readonly string[]) => darkroom.run(['instance', 'launch', uniqueName(), ...args]);
    expect(await launch('--image', 'counter', '--memory', '0')).toMatchObject({ exitCode: 2 });
    expect(await launch('--image', 'nobody knows it')).toMatchObject({ exitCode: 3 });
    expect(await launch()).toMatchObject({ exitCode: 2 });
  });
});
