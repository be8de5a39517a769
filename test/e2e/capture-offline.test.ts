import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assertClean, recordGuest } from './support/assert-clean.ts';
import { capture, expectRefusal, inspectImageFile } from './support/captures.ts';
import { tryCommand } from './support/run-command.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { bootTinyGuest, defineTinyGuest } from './support/tiny-guest.ts';
import { domainState, onDomain } from './support/virsh.ts';
import { waitUntil } from './support/wait-until.ts';

let darkroom: DarkroomHost;
beforeAll(async () => {
  darkroom = await createDarkroomHost();
});
afterAll(async () => {
  await darkroom?.[Symbol.asyncDispose]();
});

describe('image create of a guest that is off', () => {
  it('row 4: captures a stopped guest, which stays off; nobody can start it meanwhile', async () => {
    await using guest = await defineTinyGuest({
      disks: [
        { target: 'vda', format: 'qcow2', backing: true },
        { target: 'vdb', format: 'raw', sizeMiB: 64 },
      ],
    });
    const args = ['image', 'create', guest.name, '--name', 'offline', '--json'];
    const running = darkroom.start(args, { env: { DARKROOM_COPY_BANDWIDTH: '8MiB' } });
    const isCopying = async (): Promise<boolean> => running.output.stderr.includes('"step":"copy"');
    await waitUntil('the copy runs', isCopying, { timeoutMs: 20_000 });
    const start = await tryCommand('virsh', ['-c', guest.uri, 'start', guest.name]);
    expect([start.exitCode, start.stderr]).toEqual([1, expect.stringContaining('lock')]);
    // only now: an attempt to start lets libvirt write the XML in another order
    const before = await recordGuest(guest);
    expect((await running.ended).exitCode).toBe(0);
    await assertClean(before, darkroom);
    const image: unknown = JSON.parse(running.output.stdout);
    expect(image).toMatchObject({
      status: 'active',
      consistency: { requested: 'auto', achieved: 'offline', freezeMs: 0, pauseMs: 0 },
      disks: [
        { target: 'vda', format: 'qcow2' },
        { target: 'vdb', format: 'qcow2' },
      ],
    });
  });

  it('refuses quiesced for a guest that is off', async () => {
    await using guest = await defineTinyGuest();
    const args = ['image', 'create', guest.name, '--name', 'x', '--consistency', 'quiesced'];
    await expectRefusal(darkroom, args, { exitCode: 5, code: 'QUIESCE_UNAVAILABLE' });
  });

  it('row 6: captures a suspended guest, whose memory comes back afterwards', async () => {
    await using guest = await bootTinyGuest({ disks: [{ target: 'vda', format: 'qcow2', backing: true }] });
    await guest.writeFile('/stamp', 'on the disk\n');
    await guest.writeFile('/tmp/stamp', 'in memory\n');
    await onDomain(guest, 'managedsave');
    const before = await recordGuest(guest);
    const image = await capture(darkroom, guest, ['--name', 'suspended']);
    expect(image.consistency).toMatchObject({ requested: 'auto', achieved: 'crash', freezeMs: 0, pauseMs: 0 });
    expect((await inspectImageFile(darkroom.store, image, 'vda'))['backing-filename']).toBeUndefined();
    await assertClean(before, darkroom);
    expect(await onDomain(guest, 'dominfo')).toMatch(/^Managed save:\s+yes$/m);
    await guest.boot();
    expect(await guest.readFile('/tmp/stamp')).toBe('in memory\n');
    expect(await domainState(guest)).toBe('running');
  });

  it('row 28: firmware variables and TPM state are in the image as they were at its instant', async () => {
    await using guest = await bootTinyGuest({ firmware: 'uefi', tpm: true });
    await guest.run('efi-variable write first; efi-variable write travels; tpm-value write kept-too');
    const before = await recordGuest(guest);
    const image = await capture(darkroom, guest, ['--name', 'uefi']);
    const hostFiles = new Map([
      ['nvram.fd', `/var/lib/libvirt/qemu/nvram/${guest.name}_VARS.fd`],
      ['tpm/tpm2/tpm2-00.permall', `/var/lib/libvirt/swtpm/${guest.uuid}/tpm2/tpm2-00.permall`],
    ]);
    const listed = [image.nvram?.file, ...image.tpm.map(({ file }) => file)];
    for (const [file, hostPath] of hostFiles) {
      expect(listed).toContain(file);
      const inImage = await readFile(path.join(darkroom.store, 'images', image.id, file));
      expect(inImage.equals(await readFile(hostPath)), file).toBe(true);
    }
    const variables = await readFile(path.join(darkroom.store, 'images', image.id, 'nvram.fd'));
    expect(variables.includes(Buffer.from('travels'))).toBe(true);
    expect(image.properties).toMatchObject({ hw_firmware_type: 'uefi', hw_tpm_version: '2.0' });
    await assertClean(before, darkroom);

    await guest.run('efi-variable write changed; tpm-value write changed!');
    const later = await capture(darkroom, guest, ['--name', 'uefi later']);
    expect(later.nvram?.sha256).not.toBe(image.nvram?.sha256);
    expect(later.tpm.map(({ sha256 }) => sha256)).not.toEqual(image.tpm.map(({ sha256 }) => sha256));
    expect((await darkroom.run(['image', 'verify', image.id])).exitCode).toBe(0);
  });
});
