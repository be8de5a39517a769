import { chmod, copyFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { operationSchema } from '../../src/api/schemas/operations.ts';
import { assertClean, listDrafts, recordGuest } from './support/assert-clean.ts';
import { capture, expectRefusal, inspectImageFile, waitForOverlay } from './support/captures.ts';
import { tinyGuestImage } from './support/guest-image.ts';
import { imageFilePath, parseImage, readFileInImage } from './support/images.ts';
import { createLoopDevice } from './support/loop-device.ts';
import { createMount, type Mount, remount } from './support/loop-mount.ts';
import { runCommand } from './support/run-command.ts';
import { createDarkroomHost } from './support/run-darkroom.ts';
import { bootTinyGuest, type Guest } from './support/tiny-guest.ts';
import { shutDown } from './support/virsh.ts';
import { waitUntil } from './support/wait-until.ts';

const NO_RESERVE = { DARKROOM_RESERVE_BYTES: '0' };

it('captures a host block device that a guest runs on, with its overlay in the folder for overlays', async () => {
  await using device = await createLoopDevice(1024);
  await using guest = await bootTinyGuest({ disks: [{ target: 'vda', format: 'raw', path: device.path }] });
  await using darkroom = await createDarkroomHost({ env: { DARKROOM_COPY_BANDWIDTH: '8MiB' } });
  await guest.writeFile('/stamp', 'on a device\n');
  const before = await recordGuest(guest);
  const overlays = path.join(darkroom.folder, 'overlays');
  const running = darkroom.start(['image', 'create', guest.name, '--name', 'of a device', '--json']);
  const hasOverlay = async (): Promise<boolean> => (await readdir(overlays).catch(() => [])).length === 1;
  await waitUntil('an overlay lies in its folder', hasOverlay, { timeoutMs: 20_000 });
  const { exitCode, stdout, stderr } = await running.ended;
  expect([exitCode, exitCode === 0 ? '' : stderr]).toEqual([0, '']);
  await assertClean(before, darkroom);
  expect(await readdir(overlays)).toEqual([]);
  const image = parseImage(JSON.parse(stdout));
  expect(image.disks).toMatchObject([{ target: 'vda', format: 'qcow2', virtualSizeBytes: 1024 ** 3 }]);
  expect(await readFileInImage(darkroom.store, image, { path: '/stamp' })).toBe('on a device\n');
});

describe('where disk and store share a file system with reflink', () => {
  it('clones the disk without its bitmaps, live and stopped, and verify learns its checksum later', async () => {
    await using mount = await createMount('xfs', 1024);
    const disk = path.join(mount.path, 'vda.qcow2');
    await copyFile(await tinyGuestImage('bios'), disk);
    await chmod(disk, 0o600);
    await using guest = await bootTinyGuest({ disks: [{ target: 'vda', format: 'qcow2', path: disk }] });
    await using darkroom = await createDarkroomHost({ store: path.join(mount.path, 'store'), env: NO_RESERVE });
    await guest.writeFile('/stamp', 'shared blocks\n');
    const before = await recordGuest(guest);
    const live = await capture(darkroom, guest, ['--name', 'live']);
    await assertClean(before, darkroom);
    expect(live).toMatchObject({ status: 'active', checksum: { value: null }, disks: [{ sha256: null }] });
    expect(await readFileInImage(darkroom.store, live, { path: '/stamp' })).toBe('shared blocks\n');
    expect(await runCommand('filefrag', ['-v', imageFilePath(darkroom.store, live)])).toContain('shared');

    await shutDown(guest);
    await runCommand('qemu-img', ['bitmap', '-f', 'qcow2', '--add', disk, 'mine']);
    const off = await recordGuest(guest);
    const offline = await capture(darkroom, guest, ['--name', 'offline']);
    await assertClean(off, darkroom);
    expect(offline.disks[0]?.sha256).toBeNull();
    expect((await inspectImageFile(darkroom.store, offline, 'vda'))['format-specific'].data.bitmaps).toBeUndefined();
    expect(await runCommand('qemu-img', ['info', '-f', 'qcow2', disk])).toContain('mine');

    const verified = parseImage(await darkroom.json(['image', 'verify', live.id]));
    const [sha256] = (await runCommand('sha256sum', [imageFilePath(darkroom.store, live)])).split(' ');
    expect(verified).toMatchObject({ checksum: { value: sha256 }, disks: [{ sha256 }] });
  });
});

describe('where space is short', () => {
  let guest: Guest;
  let small: Mount;

  beforeAll(async () => {
    small = await createMount('tmpfs', 48);
    const disk = path.join(small.path, 'vdb.raw');
    await runCommand('truncate', ['-s', '64M', disk]);
    guest = await bootTinyGuest({
      disks: [
        { target: 'vda', format: 'qcow2', backing: true },
        { target: 'vdb', format: 'raw', path: disk },
      ],
    });
  });
  afterAll(async () => {
    await guest?.[Symbol.asyncDispose]();
    await small?.[Symbol.asyncDispose]();
  });

  it('row 27: refuses when an overlay would have no room, before anything is touched', async () => {
    await using darkroom = await createDarkroomHost({ env: NO_RESERVE });
    const before = await recordGuest(guest);
    const args = ['image', 'create', guest.name, '--name', 'x'];
    const message = await expectRefusal(darkroom, args, { exitCode: 5, code: 'NO_SPACE' });
    expect(message).toContain(`${small.path} for what the guest writes meanwhile`);
    expect(await readdir(small.path)).toEqual(['vdb.raw']);
    await assertClean(before, darkroom);
  });
});

describe('where the store is short of space, or read-only', () => {
  let guest: Guest;
  let storeMount: Mount;

  beforeAll(async () => {
    storeMount = await createMount('ext4', 128);
    guest = await bootTinyGuest({ disks: [{ target: 'vda', format: 'qcow2', backing: true }] });
  });
  afterAll(async () => {
    await guest?.[Symbol.asyncDispose]();
    await storeMount?.[Symbol.asyncDispose]();
  });

  it('row 27: refuses when the image would have no room, before anything is touched', async () => {
    await using darkroom = await createDarkroomHost({
      store: path.join(storeMount.path, 'store'),
      env: { DARKROOM_RESERVE_BYTES: '120MiB' },
    });
    const before = await recordGuest(guest);
    const args = ['image', 'create', guest.name, '--name', 'x'];
    const message = await expectRefusal(darkroom, args, { exitCode: 5, code: 'NO_SPACE' });
    expect(message).toContain('for the image');
    await assertClean(before, darkroom);
  });

  it('row 18: undoes everything when the store fills up half-way', async () => {
    await using darkroom = await createDarkroomHost({
      store: path.join(storeMount.path, 'store'),
      env: { ...NO_RESERVE, DARKROOM_COPY_BANDWIDTH: '2MiB' },
    });
    const before = await recordGuest(guest);
    const running = darkroom.start(['image', 'create', guest.name, '--name', 'x']);
    await waitForOverlay(guest);
    await fill(storeMount);
    const { exitCode, stderr } = await running.ended;
    expect([exitCode, stderr]).toEqual([6, expect.stringMatching(/No space left.*\(STORE_WRITE_FAILED\)/s)]);
    await assertClean(before, darkroom);
    expect(await listDrafts(darkroom.store)).toEqual([]);
    const [operation] = z.array(operationSchema).parse(await darkroom.json(['operation', 'list']));
    expect(operation).toMatchObject({ kind: 'image.create', status: 'failed', error: { code: 'STORE_WRITE_FAILED' } });
    await runCommand('rm', [path.join(storeMount.path, 'junk')]);
  });

  it('refuses a store that is read-only, before anything is touched', async () => {
    await using darkroom = await createDarkroomHost({ store: path.join(storeMount.path, 'store'), env: NO_RESERVE });
    const before = await recordGuest(guest);
    await remount(storeMount, 'ro');
    const args = ['image', 'create', guest.name, '--name', 'x'];
    const message = await expectRefusal(darkroom, args, { exitCode: 5, code: 'STORE_UNUSABLE' });
    await remount(storeMount, 'rw');
    expect(message).toContain('read-only');
    await assertClean(before, darkroom);
  });
});

/** Leaves nothing free. */
async function fill(mount: Mount): Promise<void> {
  await writeFile(path.join(mount.path, 'junk'), Buffer.alloc(128 * 1024 ** 2)).catch((error: unknown) => {
    expect(String(error)).toContain('ENOSPC');
  });
}
