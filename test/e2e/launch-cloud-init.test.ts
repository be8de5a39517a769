import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { instanceSchema } from '../../src/api/schemas/instances.ts';
import { debianGuestImage } from './support/guest-image.ts';
import { launchInstance } from './support/launched-instance.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { createSshKey, runOverSsh, waitForSsh } from './support/ssh.ts';
import { createTestNetwork, type TestNetwork } from './support/test-network.ts';
import { bootTinyGuest, type Guest } from './support/tiny-guest.ts';
import { waitUntil } from './support/wait-until.ts';

const BOOT_MS = 300_000;

describe('a Debian guest with cloud-init and sshd, launched from the image of a running one', () => {
  let darkroom: DarkroomHost;
  let network: TestNetwork;
  let source: Guest;

  beforeAll(async () => {
    darkroom = await createDarkroomHost();
    network = await createTestNetwork();
    const image = await debianGuestImage();
    source = await bootTinyGuest({ image, memoryMiB: 768, network: network.name });
  }, BOOT_MS);
  afterAll(async () => {
    await source?.[Symbol.asyncDispose]();
    await network?.[Symbol.asyncDispose]();
    await darkroom?.[Symbol.asyncDispose]();
  });

  it(
    'row 2: is reached over ssh with the key given, at its new address, and shows the file of its source',
    async () => {
      await source.run('echo written in the source > /home/story; sync');
      await darkroom.json(['image', 'create', source.name, '--name', 'debian']);

      const key = await createSshKey(darkroom.folder);
      const args = ['--ssh-key', `${key.file}.pub`, '--network', network.name];
      await using copy = await launchInstance(darkroom, 'debian', { args });
      const address = await waitForAddress(copy.name);
      const login = { address, keyFile: key.file };
      await waitForSsh(login, BOOT_MS);

      expect(await runOverSsh(login, 'cat /home/story')).toBe('written in the source\n');
      expect((await runOverSsh(login, 'hostname')).trim()).toBe(copy.name);
      const show = async (name: string) => instanceSchema.parse(await darkroom.json(['instance', 'show', name]));
      const [ours, theirs] = [await show(copy.name), await show(source.name)];
      expect(ours.addresses.map((entry) => entry.address)).toContain(address);
      expect(theirs.addresses.map((entry) => entry.address)).not.toContain(address);
      expect(ours.macs).not.toEqual(theirs.macs);
    },
    BOOT_MS * 2,
  );

  async function waitForAddress(name: string): Promise<string> {
    let found: string | undefined;
    const ask = async (): Promise<boolean> => {
      const { addresses } = instanceSchema.parse(await darkroom.json(['instance', 'show', name]));
      found = addresses.find((entry) => /^10\./.test(entry.address))?.address;
      return found !== undefined;
    };
    await waitUntil('instance show gives an address', ask, { timeoutMs: BOOT_MS, intervalMs: 2000 });
    return found ?? '';
  }
});
