import { describe, expect, it } from 'vitest';
import { assertClean, recordGuest } from './support/assert-clean.ts';
import { debianGuestImage } from './support/guest-image.ts';
import { parseImage, readFileInImage } from './support/images.ts';
import { createDarkroomHost } from './support/run-darkroom.ts';
import { defineTinyGuest } from './support/tiny-guest.ts';

describe('image create --generalize', () => {
  it('takes the identity out of the image, never out of the guest', { timeout: 300_000 }, async () => {
    await using darkroom = await createDarkroomHost();
    await using guest = await defineTinyGuest({ image: await debianGuestImage() });
    const before = await recordGuest(guest);
    const plain = parseImage(await darkroom.json(['image', 'create', guest.name, '--name', 'plain']));
    const general = parseImage(
      await darkroom.json(['image', 'create', guest.name, '--name', 'general', '--generalize']),
    );

    const mark = { path: '/etc/ssh/ssh_host_ed25519_key.pub' };
    expect(await readFileInImage(darkroom.store, general, { path: '/etc/machine-id' })).toBe('');
    expect(await readFileInImage(darkroom.store, general, mark)).toBe('');
    expect(general.disks[0]?.sha256).not.toBe(plain.disks[0]?.sha256);
    await darkroom.json(['image', 'verify', general.id]);
    await assertClean(before, darkroom);
  });

  it('leaves no image of a system that virt-sysprep does not know', { timeout: 300_000 }, async () => {
    await using darkroom = await createDarkroomHost();
    await using guest = await defineTinyGuest();
    const before = await recordGuest(guest);
    const result = await darkroom.run(['image', 'create', guest.name, '--name', 'tiny', '--generalize', '--json']);
    expect(result.exitCode).toBe(6);
    expect(result.jsonLines()).toContainEqual({ error: expect.objectContaining({ code: 'GENERALIZE_FAILED' }) });
    expect(await darkroom.json(['image', 'list'])).toEqual([]);
    await assertClean(before, darkroom);
  });
});
