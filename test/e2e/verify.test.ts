import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Image } from '../../src/model/image.ts';
import { tinyGuestImage } from './support/guest-image.ts';
import { imageFilePath, parseImage } from './support/images.ts';
import { runCommand } from './support/run-command.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { bootTinyGuest, type Guest } from './support/tiny-guest.ts';
import { listDisks, SYSTEM_URI, shutDown } from './support/virsh.ts';
import { waitUntil } from './support/wait-until.ts';

/** Names of machines that a verify of this host runs; those of others come and go beside them. */
async function listTrials(darkroom: DarkroomHost): Promise<readonly string[]> {
  const names = await runCommand('virsh', ['-q', '-c', SYSTEM_URI, 'list', '--all', '--name']);
  const trials: string[] = [];
  for (const name of names.split('\n').filter((each) => each.startsWith('darkroom-verify-'))) {
    const disks = await listDisks({ uri: SYSTEM_URI, name }).catch(() => new Map<string, string>());
    if ([...disks.values()].some((file) => file.startsWith(darkroom.instancesDir))) trials.push(name);
  }
  return trials;
}

async function assertNothingLeft(darkroom: DarkroomHost): Promise<void> {
  expect(await readdir(darkroom.instancesDir)).toEqual([]);
  expect(await listTrials(darkroom)).toEqual([]);
}

describe('image verify --boot of an imported disk', () => {
  let darkroom: DarkroomHost;
  let image: Image;

  beforeAll(async () => {
    darkroom = await createDarkroomHost({ env: { DARKROOM_VIRT_TYPE: 'qemu', DARKROOM_MEMORY_MIB: '256' } });
    const disk = await tinyGuestImage('bios');
    image = parseImage(await darkroom.json(['image', 'import', disk, '--name', 'tiny']));
  });
  afterAll(async () => {
    await darkroom[Symbol.asyncDispose]();
  });

  it('sees the guest agent answer, notes that, changes nothing else in the image and leaves nothing', async () => {
    const file = imageFilePath(darkroom.store, image);
    const before = await runCommand('sha256sum', [file]);
    const verified = parseImage(await darkroom.json(['image', 'verify', 'tiny', '--boot', '--timeout', '120']));
    expect(verified).toEqual({ ...image, bootProof: { at: expect.any(String), hasBooted: true } });
    expect(await runCommand('sha256sum', [file])).toBe(before);
    await assertNothingLeft(darkroom);
  });

  it('sees the text that is expected on the serial console', async () => {
    const result = await darkroom.run(['image', 'verify', 'tiny', '--boot', '--expect', 'READY', '--timeout', '120']);
    expect(result.exitCode, result.stderr).toBe(0);
    await assertNothingLeft(darkroom);
  });

  it('fails with the last lines of the console when the text does not come in time', async () => {
    const args = ['image', 'verify', 'tiny', '--boot', '--expect', 'never said', '--timeout', '45'];
    const result = await darkroom.run(args);
    expect(result.exitCode).toBe(6);
    expect(result.stderr).toContain('never said');
    expect(result.stderr).toContain('READY');
    await assertNothingLeft(darkroom);
    expect(await darkroom.json(['image', 'show', 'tiny'])).toMatchObject({ status: 'active' });
  });

  it('ends its machine and removes its folder when it is cancelled by Ctrl-C', async () => {
    const running = darkroom.start(['image', 'verify', 'tiny', '--boot', '--expect', 'never said']);
    await waitUntil('the machine runs', async () => (await listTrials(darkroom)).length > 0, { timeoutMs: 60_000 });
    running.kill('SIGINT');
    expect((await running.ended).exitCode).toBe(130);
    await assertNothingLeft(darkroom);
  });

  it('leaves a machine that dies with it, and a folder that the next command removes, when it is killed', async () => {
    const running = darkroom.start(['image', 'verify', 'tiny', '--boot', '--expect', 'never said']);
    await waitUntil('the machine runs', async () => (await listTrials(darkroom)).length > 0, { timeoutMs: 60_000 });
    running.kill('SIGKILL');
    await running.ended;
    await darkroom.run(['image', 'verify', 'tiny']);
    await assertNothingLeft(darkroom);
  });

  it('says what is damaged and marks the image', async () => {
    const broken = parseImage(
      await darkroom.json(['image', 'import', await tinyGuestImage('bios'), '--name', 'broken']),
    );
    const file = imageFilePath(darkroom.store, broken);
    const content = await readFile(file);
    content.writeUInt8(content.readUInt8(content.length - 4096) ^ 1, content.length - 4096);
    await writeFile(file, content);
    const result = await darkroom.run(['image', 'verify', 'broken', '--boot']);
    expect(result.exitCode).toBe(6);
    expect(result.stderr).toContain(path.basename(file));
    expect(await darkroom.json(['image', 'show', 'broken'])).toMatchObject({ status: 'error' });
    await assertNothingLeft(darkroom);
  });
});

describe('an image of a UEFI guest with a TPM', () => {
  let darkroom: DarkroomHost;
  let guest: Guest;

  beforeAll(async () => {
    darkroom = await createDarkroomHost();
    // started once, so that it has firmware variables and TPM state
    guest = await bootTinyGuest({ firmware: 'uefi', tpm: true });
    await shutDown(guest);
  });
  afterAll(async () => {
    await guest[Symbol.asyncDispose]();
    await darkroom[Symbol.asyncDispose]();
  });

  it('boots for a verify, and again from an export that was imported', async () => {
    const made = parseImage(await darkroom.json(['image', 'create', guest.name, '--name', 'machine']));
    expect(made.nvram).not.toBeNull();
    expect(made.tpm).not.toEqual([]);
    const args = ['--boot', '--timeout', '180'];
    expect(await darkroom.json(['image', 'verify', 'machine', ...args])).toMatchObject({ status: 'active' });
    const folder = path.join(darkroom.folder, 'exported');
    await darkroom.json(['image', 'export', 'machine', folder]);
    const again = parseImage(await darkroom.json(['image', 'import', folder, '--name', 'again']));
    expect(again).toMatchObject({ disks: made.disks, nvram: made.nvram, tpm: made.tpm });
    expect(await darkroom.json(['image', 'verify', 'again', ...args])).toMatchObject({ status: 'active' });
    await assertNothingLeft(darkroom);
  });
});
